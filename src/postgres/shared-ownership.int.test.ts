import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually } from "../../test/memory-world.ts";
import { engines, writeStore } from "../../test/write-side.ts";
import type { EventStore, Share } from "../runtime/ports.ts";
import { eventStore } from "./event-store.ts";

const count = 6;
const name = "relay orders";
const [postgres, pglite] = [engines.find((e) => e.name === "postgres")!, engines.find((e) => e.name !== "postgres")!];

/** Hooks run in the order they were made: members stop before their databases close. */
function crowd(t: TestContext) {
  const members: Joined[] = [];
  t.after(() => Promise.all(members.map((each) => each.stop())));
  return (store: EventStore, options?: { readonly keeps?: boolean }): Joined => {
    const joined = member(store, options);
    members.push(joined);
    return joined;
  };
}

/** Takes part until stopped, and gives back at once what is asked back, unless it `keeps`. */
function member(store: EventStore, { keeps = false } = {}) {
  const stop = new AbortController();
  const self = { shares: [] as Share[], parts: (): readonly number[] => self.shares.at(-1)?.parts ?? [], keeps, stop: async () => {} };
  const done = store.shareOwnership(name, count, stop.signal, async (share) => {
    self.shares.push(share);
    const giveBack = () => {
      if (!self.keeps) for (const part of share.leaving) share.release(part);
    };
    share.onChange(giveBack);
    await new Promise<void>((resolve) => share.lost.addEventListener("abort", () => resolve(), { once: true }));
  });
  self.stop = async () => {
    stop.abort();
    await done;
  };
  return self;
}

type Joined = ReturnType<typeof member>;
const shared = (members: readonly Joined[], expected: readonly number[]) =>
  eventually(`shares ${expected.join()}`, () => {
    const all = members.flatMap((m) => m.parts());
    assert.equal(new Set(all).size, all.length, "one owner each");
    return (
      members
        .map((m) => m.parts().length)
        .toSorted((a, b) => b - a)
        .join() === expected.join()
    );
  });

test("members that come and go share the parts; one alone has all", async (t) => {
  const join = crowd(t);
  const { database, again } = await postgres.open(t);
  const store = await writeStore(t, database);
  const other = eventStore(await again());
  const first = join(store);
  await shared([first], [6]);
  const second = join(other);
  await shared([first, second], [3, 3]);
  const third = join(store);
  await shared([first, second, third], [2, 2, 2]);
  const others = [3, 4, 5, 6].map(() => join(other));
  await shared([first, second, third, ...others], [1, 1, 1, 1, 1, 1, 0]);
  await Promise.all(others.map((each) => each.stop()));
  await first.stop();
  await shared([second, third], [3, 3]);
  await second.stop();
  await shared([third], [6]);
});

test("a part that is asked back has one owner until it is released", async (t) => {
  const join = crowd(t);
  const { database } = await postgres.open(t);
  const store = await writeStore(t, database);
  const first = join(store, { keeps: true });
  await shared([first], [6]);
  const second = join(store);
  const share = first.shares[0]!;
  await eventually("three are asked back", () => share.leaving.length === 3);
  assert.deepEqual(second.parts(), []);
  share.release(share.leaving[0]!);
  await eventually("one has gone over", () => second.parts().length === 1);
  assert.equal(share.leaving.length, 2);
  for (const part of share.leaving) share.release(part);
  await shared([first, second], [3, 3]);
});

test("a member whose connection breaks loses all at once, others take over, and it comes back for its share", async (t) => {
  const join = crowd(t);
  const { database, again } = await postgres.open(t);
  const cut = await again({ applicationName: "is_cut" });
  const store = await writeStore(t, database);
  const first = join(eventStore(cut));
  const second = join(store);
  await shared([first, second], [3, 3]);
  const lost = first.shares[0]!.lost;
  await database.query({ text: "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'is_cut'" });
  await eventually("it is told", () => lost.aborted);
  await eventually("it takes part again", () => first.shares.length === 2);
  await shared([first, second], [3, 3]);
});

test("members hold no snapshot", async (t) => {
  const join = crowd(t);
  const { database, again } = await postgres.open(t);
  const store = await writeStore(t, database);
  const members = [join(store), join(eventStore(await again({ applicationName: "waits" })))];
  await shared(members, [3, 3]);
  await eventually("it has asked, and waits without a statement", async () => {
    const { rows } = await database.query({
      text: "select from pg_stat_activity where application_name = 'waits' and query like '%pg_locks%' and state = 'idle' and backend_xmin is null",
    });
    return rows.length === 1;
  });
});

test("what `run` throws comes out, and leaves nothing behind", async (t) => {
  const join = crowd(t);
  const { database } = await postgres.open(t);
  const store = await writeStore(t, database);
  await assert.rejects(
    store.shareOwnership(name, count, new AbortController().signal, async () => Promise.reject(new Error("boom"))),
    /boom/,
  );
  await shared([join(store)], [6]);
});

test("PGlite, which has one process: the first has all, the next one after it", async (t) => {
  const join = crowd(t);
  const { database } = await pglite.open(t, {});
  const store = await writeStore(t, database);
  const [first, second] = [join(store), join(store)];
  await shared([first, second], [6, 0]);
  await first.stop();
  await eventually("the second has all", () => second.parts().length === 6);
});
