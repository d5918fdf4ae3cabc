import assert from "node:assert/strict";
import { test } from "node:test";
import { type Member, shareStep } from "./fair-share.ts";

/** Everybody acts in turn until nobody has anything to do; what is given back is free at once. */
function settle(count: number, start: readonly (readonly number[])[]): { readonly owns: number[][]; readonly moves: number } {
  const owns = start.map((parts) => [...parts]);
  let moves = 0;
  for (let quiet = 0, i = 0; quiet < owns.length; i = (i + 1) % owns.length) {
    const members = owns.map((parts, id): Member => ({ id, owns: parts }));
    const { giveBack, take } = shareStep(count, members, i);
    assert.ok(giveBack.length === 0 || take.length === 0);
    owns[i] = [...owns[i]!.filter((part) => !giveBack.includes(part)), ...take].sort((a, b) => a - b);
    const all = owns.flat();
    assert.equal(new Set(all).size, all.length, "one owner each");
    quiet = giveBack.length + take.length === 0 ? quiet + 1 : 0;
    moves += giveBack.length;
    assert.ok(moves <= count * owns.length, "it comes to rest");
  }
  return { owns, moves };
}

const sizes = (owns: readonly (readonly number[])[]) => owns.map((parts) => parts.length).toSorted((a, b) => b - a);

test("one alone has all; a second one gets half; a third one a third", () => {
  const one = settle(6, [[]]).owns;
  assert.deepEqual(one, [[0, 1, 2, 3, 4, 5]]);
  const two = settle(6, [...one, []]).owns;
  assert.deepEqual(sizes(two), [3, 3]);
  const three = settle(6, [...two, []]).owns;
  assert.deepEqual(sizes(three), [2, 2, 2]);
  const left = settle(6, three.slice(1)).owns;
  assert.deepEqual(sizes(left), [3, 3]);
});

test("from any beginning all parts are owned, shares differ by one at most, and nothing moves that need not", () => {
  for (let count = 1; count <= 8; count++)
    for (let members = 1; members <= 10; members++)
      for (let owner = 0; owner < members; owner++) {
        const start = Array.from({ length: members }, (_, i) => (i === owner ? [...Array(count).keys()] : []));
        const { owns, moves } = settle(count, start);
        assert.deepEqual(
          owns.flat().toSorted((a, b) => a - b),
          [...Array(count).keys()],
        );
        const [most, least] = [sizes(owns)[0]!, sizes(owns).at(-1)!];
        assert.ok(most - least <= 1, `${count} parts, ${members} members: ${sizes(owns).join()}`);
        assert.equal(moves, count - Math.ceil(count / members));
      }
});

test("what is settled stays as it is", () => {
  const members = [
    { id: 7, owns: [0, 3] },
    { id: 3, owns: [1] },
    { id: 5, owns: [2, 4] },
  ];
  for (const { id } of members) assert.deepEqual(shareStep(5, members, id), { giveBack: [], take: [] });
});
