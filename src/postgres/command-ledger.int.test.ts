import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { form } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import { eventually } from "../../test/memory-world.ts";
import { engines, silent, write, writeStore, type TestEngine } from "../../test/write-side.ts";
import { commandAcceptance } from "../runtime/command-acceptance.ts";
import type { Cut } from "../runtime/command-ports.ts";
import { commandProcessor } from "../runtime/command-processor.ts";
import { acceptedCommands } from "./accepted-commands.ts";
import { commandLedger } from "./command-ledger.ts";

async function setUp(t: TestContext, engine: TestEngine) {
  const { database } = await engine.open(t);
  const store = await writeStore(t, database);
  await store.openLogs(["orders"], 1);
  const ledger = commandLedger(database);
  t.after(() => ledger.close());
  const cut = (from: number, outcomes: readonly Cut["records"][number]["outcome"][], given: Partial<Cut> = {}): Cut => ({
    log: "orders",
    partition: 0,
    topicId: "topic-1",
    from,
    replied: from,
    to: from + outcomes.length,
    records: outcomes.map((outcome, i) => ({ next: from + i + 1, outcome })),
    parked: [],
    ...given,
  });
  return { database, store, ledger, cut };
}

const parkedAt = (offset: number) => ({
  offset,
  commandId: `p-${offset}`,
  code: "INVALID_JSON",
  answer: { status: 400, body: { code: "INVALID_JSON" } },
  record: "{}",
});

for (const engine of engines) {
  test(`${engine.name}: an append and its position are one: at another position nothing is written`, async (t) => {
    const { store, ledger, cut } = await setUp(t, engine);
    assert.deepEqual(await ledger.position("orders", 0, "topic-1", 5), {
      log: "orders",
      partition: 0,
      topicId: "topic-1",
      next: 5,
      replied: 5,
    });
    const first = await ledger.append(
      [write("a", 1, { id: "one" }), write("b", 2)],
      cut(5, [0, "known", 1], { replied: 6, parked: [parkedAt(6)] }),
    );
    assert.deepEqual([first?.next, first?.outcomes.map(({ status }) => status)], [8, ["appended", "appended"]]);
    assert.equal(await ledger.append([write("zombie", 1)], cut(5, [0])), null);
    assert.equal(await ledger.append([write("zombie", 1)], cut(8, [0], { topicId: "topic-2" })), null);
    assert.equal(await ledger.append([], cut(7, ["known"], { parked: [parkedAt(7)] })), null);
    assert.deepEqual(await store.heads("orders"), [3]);
    assert.deepEqual(await ledger.position("orders", 0, "topic-1", 0), {
      log: "orders",
      partition: 0,
      topicId: "topic-1",
      next: 8,
      replied: 6,
    });
    assert.deepEqual([...(await ledger.parked("orders", "topic-1", 0, 0, 100)).keys()], [6]);
    assert.equal((await ledger.known(["one", "p-6", "zombie"])).size, 2);
  });

  test(`${engine.name}: the position moves over the longest beginning that has outcomes, and parks no more than that`, async (t) => {
    const { store, ledger, cut } = await setUp(t, engine);
    await ledger.position("orders", 0, "topic-1", 0);
    await store.append(0, [write("taken", 1, { id: "known" })]);
    // a refusal that is not stored
    const check = await ledger.append([write("a", 1), write("b", 0, { kind: "check" }), write("c", 1)], cut(0, [0, 1, 2]));
    assert.deepEqual([check?.next, check?.outcomes.map(({ status }) => status)], [1, ["appended", "checked", "appended"]]);
    // a conflict
    const conflict = await ledger.append(
      [write("d", 1), write("taken", 1), write("e", 1)],
      cut(1, [0, "known", 1, 2, "known"], { parked: [parkedAt(2), parkedAt(5)] }),
    );
    assert.deepEqual([conflict?.next, conflict?.outcomes.map(({ status }) => status)], [3, ["appended", "conflict", "appended"]]);
    assert.deepEqual([...(await ledger.parked("orders", "topic-1", 0, 0, 100)).keys()], [2]);
    // a repeat has its outcome; the same id with another command has none by it
    const repeat = await ledger.append([write("taken", 1, { id: "known" })], cut(3, [0, 0, "open"]));
    assert.equal(repeat?.next, 5);
    const reused = await ledger.append([write("taken", 1, { id: "known", fingerprint: "another" })], cut(5, [0]));
    assert.deepEqual([reused?.next, reused?.outcomes.map(({ status }) => status)], [5, ["duplicate"]]);
  });

  test(`${engine.name}: another topic id than the first is told, and leaves the stored position alone`, async (t) => {
    const { ledger } = await setUp(t, engine);
    await ledger.position("orders", 0, "topic-1", 3);
    assert.equal((await ledger.position("orders", 0, "topic-2", 0)).topicId, "topic-1");
    // the table beside it is no other topic
    assert.equal((await ledger.position("orders", 0, "table:x", 0)).topicId, "table:x");
    assert.equal((await ledger.position("orders", 0, "topic-1", 0)).next, 3);
  });

  test(`${engine.name}: without Kafka commands wait in the write store and are decided by the same processor`, async (t) => {
    const { database } = await engine.open(t);
    const store = await writeStore(t, database);
    const [identity] = await store.openLogs(["counters"], 2);
    const ledger = commandLedger(database);
    const accepted = acceptedCommands(database);
    const identities = new Map([["counters", identity!]]);
    const open = async () => accepted.topic(identity!);
    const acceptance = commandAcceptance({ topics: new Map([["counters", open]]), identities, ledger, form });
    const together = await Promise.all(
      Array.from({ length: 50 }, (_, i) => acceptance.accept(counters.commands.Open(`c-${i}`, {}), { commandId: `open-${i}` })),
    );
    assert.ok(together.every(({ status }) => status === "pending"));
    assert.deepEqual(await acceptance.status("open-7"), { commandId: "open-7", status: "pending" });
    assert.equal(await acceptance.status("never"), null);
    const processor = commandProcessor({
      aggregate: counters,
      identity: identity!,
      openTopic: open,
      ledger,
      store,
      form,
      logger: silent,
      onSettled: (ids) => acceptance.settled(ids),
    });
    const added = await acceptance.accept(counters.commands.Add("c-7", { by: 2 }), { commandId: "add", waitMs: 30_000 });
    assert.deepEqual((added as { answer?: unknown }).answer, { status: 202, body: { counterId: "c-7", version: 2 } });
    await eventually("all are decided", async () => (await store.heads("counters")).reduce((sum, head) => sum + head, 0) === 51);
    await eventually("none waits", async () => (await database.query({ text: "select from accepted_commands" })).rowCount === 0);
    await processor.stop();
    await acceptance.close();
    await ledger.close();
  });
}
