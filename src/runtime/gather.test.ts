import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as immediate } from "node:timers/promises";
import { gather } from "./gather.ts";

test("requests of one turn go together, each key once", async () => {
  const asked: (readonly string[])[] = [];
  const get = gather((keys: readonly string[]) => {
    asked.push(keys);
    return Promise.resolve(keys.map((key) => key.toUpperCase()));
  });
  assert.deepEqual(await Promise.all([get("a"), get("b"), get("a")]), ["A", "B", "A"]);
  assert.deepEqual(asked, [["a", "b"]]);
});

test("requests of several callbacks of one turn go together", async () => {
  const asked: (readonly string[])[] = [];
  const get = gather((keys: readonly string[]) => {
    asked.push(keys);
    return Promise.resolve(keys);
  });
  const first = get("a");
  // a socket's callback ends with its microtasks; the next socket's comes before the turn does
  await Promise.resolve();
  assert.deepEqual(await Promise.all([first, get("b")]), ["a", "b"]);
  assert.deepEqual(asked, [["a", "b"]]);
});

test("what comes while all fetches are under way goes with the next one, not with one that has begun", async () => {
  const asked: (readonly string[])[] = [];
  const going: (() => void)[] = [];
  const get = gather(async (keys: readonly string[]) => {
    asked.push(keys);
    await new Promise<void>((resolve) => going.push(resolve));
    return keys.map((key) => `${key}${asked.length}`);
  }, 1);
  const first = get("a");
  await immediate();
  const rest = [get("a"), get("b"), get("c")];
  assert.deepEqual(asked, [["a"]]);
  going[0]!();
  assert.equal(await first, "a1");
  await immediate();
  assert.deepEqual(asked, [["a"], ["a", "b", "c"]]);
  going[1]!();
  assert.deepEqual(await Promise.all(rest), ["a2", "b2", "c2"]);
});

test("a failed fetch fails those who waited for it, and nobody else", async () => {
  let fail = true;
  const get = gather((keys: readonly string[]) => {
    if (fail) throw new Error("down");
    return Promise.resolve(keys);
  });
  await assert.rejects(Promise.all([get("a"), get("b")]), /down/);
  fail = false;
  assert.equal(await get("a"), "a");
});

test("an undefined value is a value", async () => {
  const get = gather((keys: readonly string[]) => Promise.resolve(keys.map((): string | undefined => undefined)));
  assert.equal(await get("a"), undefined);
});
