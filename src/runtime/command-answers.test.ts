/** What a caller is told never rests on the cache alone (I6), and who waits for events hears of them at once (I5, I7). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { counters } from "../../test/counters.ts";
import { recordingLogger } from "../../test/memory-world.ts";
import { partitionOf } from "../core/partition.ts";
import { isTidemarkError } from "../errors.ts";
import { faults, memoryEventStore, writeDatabase } from "../memory/index.ts";
import type { Outcome } from "./app.ts";
import { commandHandler } from "./command-handler.ts";

const { Add, Open } = counters.commands;
const version = (outcome: Outcome) => (outcome.accepted ? outcome.version : outcome.rejection);
const mismatch = (error: unknown) => isTidemarkError(error, "VERSION_MISMATCH");

/** Two processes on one write store. */
async function setUp(t: TestContext) {
  const database = writeDatabase();
  const processes = await Promise.all(
    [0, 1].map(async () => {
      const hooks = faults();
      const store = memoryEventStore(database, { faults: hooks });
      const identities = await store.openLogs(["counters"], 2);
      const handler = commandHandler({
        store,
        aggregates: [counters],
        identities: new Map(identities.map((one) => [one.log, one])),
        logger: recordingLogger(),
      });
      t.after(() => handler.close());
      return { store, handler, faults: hooks };
    }),
  );
  return { database, here: processes[0]!, there: processes[1]! };
}

test("If-Match with the version that another process has made is met, though the cached one is older", async (t) => {
  const { here, there } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  await there.handler.execute(Add("c", { by: 1 }));
  assert.equal(version(await here.handler.execute(Add("c", { by: 2 }), { expectedVersion: 2 })), 3);
});

test("If-Match with the cached version, which another process has left behind, is not met", async (t) => {
  const { here, there } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  await there.handler.execute(Add("c", { by: 1 }));
  await assert.rejects(here.handler.execute(Add("c", { by: 2 }), { expectedVersion: 1 }), mismatch);
});

test("a repeat gets its first answer, though its If-Match is not met any more", async (t) => {
  const { here } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  const first = await here.handler.execute(Add("c", { by: 1 }), { commandId: "a", expectedVersion: 1 });
  assert.deepEqual(await here.handler.execute(Add("c", { by: 1 }), { commandId: "a", expectedVersion: 1 }), { ...first, replayed: true });
  await assert.rejects(here.handler.execute(Add("c", { by: 1 }), { commandId: "b", expectedVersion: 1 }), mismatch);
});

test("a rejection that rests on an old state is decided again", async (t) => {
  const { here, there } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  await there.handler.execute(Add("c", { by: 5 }));
  assert.equal(version(await here.handler.execute(Add("c", { by: -5 }))), 3);
});

test("whoever waits for events has heard of them when their caller gets the answer", async (t) => {
  const { here, there } = await setUp(t);
  const heard: (string | undefined)[] = [];
  t.after(await there.store.onAppended((log) => heard.push(log)));
  await here.handler.execute(Open("c", {}));
  assert.deepEqual(heard, ["counters"]);
});

test("a lone command is appended in the turn in which it came, with whatever came with it", async (t) => {
  const { here } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  const calls: number[] = [];
  here.faults.before("append", ({ commands }) => void calls.push(commands.length));
  const alone = here.handler.execute(Add("c", { by: 1 }));
  await new Promise(setImmediate);
  assert.deepEqual(calls, [1]);
  await alone;
  const together = [1, 2, 3].map((by) => here.handler.execute(Add("c", { by })));
  await new Promise(setImmediate);
  assert.deepEqual(calls, [1, 3]);
  assert.deepEqual((await Promise.all(together)).map(version), [3, 4, 5]);
});

test("a state that was asked for before a connection was lost is not kept", async (t) => {
  const { database, here, there } = await setUp(t);
  await here.handler.execute(Open("c", {}));
  let loads = 0;
  here.faults.before("load", () => void (loads += 1));
  // the answer of this call comes when the connection that brought it is gone
  const remove = here.faults.after("append", () => {
    remove();
    here.store.loseConnections();
  });
  await here.handler.execute(Add("c", { by: 1 }));
  await there.handler.execute(Add("c", { by: 1 }));
  assert.equal(version(await here.handler.execute(Add("c", { by: 1 }))), 4);
  assert.equal(loads, 1, "read from the store again");
  assert.equal(database.log("counters").partitions[partitionOf("c", 2)]!.length, 4);
});
