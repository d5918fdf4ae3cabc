/** What must not stop, lose or blame the commands of others: holes of a topic, one stream's data, a queue that nobody empties, ids of other sources. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { commandWorld, form } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import { eventually } from "../../test/memory-world.ts";
import { faults as makeFaults, memoryCommandLedger, memoryEventStore } from "../memory/index.ts";
import { commandAcceptance } from "./command-acceptance.ts";
import type { CommandTopic } from "./command-ports.ts";
import { readHead } from "./command-record.ts";

const { Open, Add } = counters.commands;

/** Behind every record a marker, as of a transaction with one record: record n is at offset 2n, its marker at 2n + 1. */
const withMarkers = (topic: CommandTopic): CommandTopic => ({
  ...topic,
  async next(partition, offset, signal) {
    if (offset % 2 === 1) return { records: [], next: offset + 1 };
    const { records } = await topic.next(partition, offset / 2, signal);
    // a marker is read with the next fetch
    return records.length === 0
      ? { records, next: offset }
      : {
          records: records.map((record) => ({ ...record, offset: record.offset * 2 })),
          next: records.at(-1)!.offset * 2 + 1,
        };
  },
  bounds: async () => (await topic.bounds()).map(({ start, end }) => ({ start: start * 2, end: end * 2 })),
});

test("the position stands behind markers: retention that takes them too has taken no command", async () => {
  await using w = await commandWorld();
  const openTopic = async () => withMarkers(w.broker.topic());
  w.send("Open", "a", {});
  w.send("Add", "a", { by: 1 });
  const first = w.processor({ openTopic });
  await eventually("the markers too", () => w.position() === 4);
  await first.processor.stop();
  w.broker.trim(0, 2);
  const second = w.processor({ openTopic });
  await eventually("it goes on", () => second.processor.state().partitions[0]?.state === "running");
  w.send("Add", "a", { by: 2 });
  await eventually("the next is decided", () => w.position() === 6);
  assert.equal(w.database.log("counters").streams.get("a")?.length, 3);
  assert.equal(w.logger.has("stand still"), false);
});

for (const [what, problem] of [
  ["refused by the store", Object.assign(new Error("a character that text cannot hold"), { code: "22P05" })],
  ["unreadable", new SyntaxError("Unexpected token")],
] as const)
  test(`a stream whose events are ${what} fails its own commands, and no others`, async () => {
    await using w = await commandWorld();
    const memory = memoryEventStore(w.database);
    const asked: number[] = [];
    const store: typeof memory = {
      ...memory,
      load(streams) {
        asked.push(streams.length);
        return streams.some(({ stream }) => stream === "s-5") ? Promise.reject(problem) : memory.load(streams);
      },
    };
    for (let i = 0; i < 12; i++) w.send("Open", `s-${i}`, {});
    const before = w.processor();
    await w.settled();
    await before.processor.stop();
    for (let i = 0; i < 12; i++) w.send("Add", `s-${i}`, { by: 1 }, { "tidemark-command-id": `add-${i}` });
    w.send("Add", "s-5", { by: 2 }, { "tidemark-command-id": "again-5" });
    w.send("Add", "s-11", { by: 2 }, { "tidemark-command-id": "again-11" });
    w.processor({ store });
    await w.settled();
    assert.deepEqual(w.tables.parked.map(({ commandId }) => commandId).toSorted(), ["add-5", "again-5"]);
    assert.equal(w.database.log("counters").partitions[0]!.length, 12 + 12);
    assert.equal(w.database.commands.get("again-11")?.version, 3);
    assert.ok(asked.length < 12, `it was halved: ${asked.join(", ")}`);
  });

test("a store that is down blames no command, and is not asked stream by stream", async () => {
  await using w = await commandWorld();
  const faults = makeFaults();
  let asked = 0;
  faults.before("load", () => {
    asked += 1;
    if (asked <= 2) throw new Error("connection lost");
  });
  for (let i = 0; i < 8; i++) w.send("Open", `s-${i}`, {});
  w.processor({ faults });
  await w.settled();
  assert.equal(w.tables.parked.length, 0);
  assert.equal(asked, 3);
});

test("commands on their way to the topic are bounded by number and size, and those let in are accepted", async () => {
  await using w = await commandWorld();
  const gate = Promise.withResolvers<void>();
  const topic = w.broker.topic();
  const accepting = (limits: { maxQueued?: number; maxQueuedText?: number }) =>
    commandAcceptance({
      topics: new Map([["counters", async () => ({ ...topic, send: (...args) => gate.promise.then(() => topic.send(...args)) })]]),
      identities: new Map([["counters", w.identity]]),
      ledger: memoryCommandLedger(w.database, w.tables),
      form,
      ...limits,
    });
  const byNumber = accepting({ maxQueued: 2 });
  const bySize = accepting({ maxQueuedText: 100 });
  const note = "x".repeat(80);
  const inTime = [
    byNumber.accept(Open("a", {})),
    byNumber.accept(Open("b", {})),
    // one alone may be larger
    bySize.accept(Add("a", { by: 1, note: note.repeat(2) })),
  ];
  const overloaded = { code: "OVERLOADED" };
  await assert.rejects(byNumber.accept(Open("c", {})), overloaded);
  await assert.rejects(bySize.accept(Add("a", { by: 2, note })), overloaded);
  gate.resolve();
  assert.deepEqual(
    (await Promise.all(inTime)).map(({ status }) => status),
    ["pending", "pending", "pending"],
  );
  assert.equal((await byNumber.accept(Open("c", {}))).status, "pending");
  assert.equal((await bySize.accept(Add("a", { by: 2, note }))).status, "pending");
  assert.equal(w.broker.records[0]!.length, 5);
});

test("what is weak about a topic is said when it is opened", async () => {
  await using w = await commandWorld();
  w.processor({ openTopic: async () => ({ ...w.broker.topic(), weaknesses: ["retention.ms is an hour"] }) });
  await eventually("it is said", () => w.logger.has("retention.ms is an hour"));
  assert.ok(w.logger.has("commands of log 'counters'"));
});

test("CloudEvents' source and id are the id together, in each log; without its source an id is none", async () => {
  await using w = await commandWorld();
  const event = (ce_id: string, ce_source?: string) => ({ ce_id, ...(ce_source === undefined ? {} : { ce_source }) });
  w.send("Open", "a", {}, event("1", "shop"));
  w.send("Open", "a", {}, event("1", "shop"));
  w.send("Open", "b", {}, event("1", "till"));
  w.send("Open", "c", {}, event("1"));
  w.send("Open", "d", {}, event("1", ""));
  w.processor();
  await w.settled();
  assert.deepEqual([...w.database.log("counters").streams.keys()].toSorted(), ["a", "b"]);
  assert.deepEqual(
    w.tables.parked.map(({ offset, code }) => [offset, code]),
    [
      [3, "INVALID_HEADER"],
      [4, "INVALID_HEADER"],
    ],
  );
  const [first, second, third, fourth] = w.broker.records[0]!;
  const topicId = w.broker.topicId;
  const id = (record: typeof first, log = "counters") => readHead(record!, { log, topicId }).id;
  assert.equal(id(first), id(second));
  assert.notEqual(id(first), id(third));
  assert.notEqual(id(first), id(first, "orders"));
  assert.equal(readHead(fourth!, { log: "counters", topicId }).given, false);
});
