import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { Admin, Producer } from "@platformatic/kafka";
import { kafka, uniqueName } from "../../test/services.ts";
import { isTidemarkError } from "../errors.ts";
import type { Batch, Cursor, LogReader } from "../runtime/ports.ts";
import { openCluster } from "./cluster.ts";
import { eventAt, eventsAt, logId, otherLogId, startOf } from "./events.fixture.ts";
import { openLogReader } from "./log-reader.ts";
import { openLogWriter } from "./log-writer.ts";
import { topicOf } from "./options.ts";

const { brokers } = await kafka();
const cluster = openCluster({ brokers: brokers.join(",") });
const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
after(async () => {
  await cluster.close();
  await admin.close();
});

async function setUp(t: TestContext, partitions = 1) {
  const log = uniqueName(t);
  const topic = topicOf("", log);
  const openWriter = async (id = logId) => {
    const writer = await openLogWriter(cluster, { topic, identity: { log, logId: id, partitions } });
    t.after(() => writer.close());
    return writer;
  };
  const openReader = () => {
    const reader = openLogReader(cluster, log, topic);
    t.after(() => reader.close());
    return reader;
  };
  return {
    log,
    topic,
    openWriter,
    openReader,
    writer: await openWriter(),
    reader: openReader(),
    events: (from: number, to: number, partition = 0) => eventsAt(from, to, { log, partition }),
  };
}

const never = new AbortController().signal;
const patient = { maxEvents: 1_000, maxWaitMs: 10_000, signal: never };

/** Fetches until each cursor is at `until`; answers the positions by partition and moves the cursors. */
async function readUntil(
  reader: LogReader,
  cursors: Map<number, Cursor>,
  until: number,
  options = patient,
): Promise<Map<number, number[]>> {
  const positions = new Map([...cursors.keys()].map((partition) => [partition, [] as number[]]));
  while ([...cursors.values()].some((cursor) => cursor.position < until)) {
    const batches = await reader.fetch([...cursors.values()], options);
    assert.ok(batches.length > 0, "the wait was over");
    for (const batch of batches) {
      assert.ok(batch.events.length <= options.maxEvents);
      positions.get(batch.partition)!.push(...batch.events.map((event) => event.position));
      cursors.set(batch.partition, batch.next);
    }
  }
  return positions;
}

const cursorsOf = (...partitions: number[]) => new Map(partitions.map((partition) => [partition, startOf(partition)]));
const upTo = (position: number) => Array.from({ length: position }, (_, i) => i + 1);

test("all events of all partitions come in order, in bounded batches, and go on in a new reader", async (t) => {
  const { writer, reader, openReader, events } = await setUp(t, 3);
  await Promise.all([0, 1, 2].map((partition) => writer.send(partition, events(1, 5_000, partition))));
  const cursors = cursorsOf(0, 1, 2);
  const options = { ...patient, maxEvents: 700 };
  const read = await readUntil(reader, cursors, 5_000, options);
  for (const positions of read.values()) assert.deepEqual(positions, upTo(5_000));
  await Promise.all([0, 1, 2].map((partition) => writer.send(partition, events(5_001, 5_010, partition))));
  const more = await readUntil(openReader(), cursors, 5_010);
  for (const positions of more.values())
    assert.deepEqual(positions, [5_001, 5_002, 5_003, 5_004, 5_005, 5_006, 5_007, 5_008, 5_009, 5_010]);
});

test("a waiting fetch wakes for the first event, and gives [] when its time is over or its signal aborts", async (t) => {
  const { writer, reader, events } = await setUp(t, 2);
  const cursors = [startOf(0), startOf(1)];
  assert.deepEqual(await reader.fetch(cursors, { ...patient, maxWaitMs: 50 }), []);

  const abort = new AbortController();
  const aborted = reader.fetch(cursors, { ...patient, signal: abort.signal });
  abort.abort();
  assert.deepEqual(await aborted, []);
  assert.deepEqual(await reader.fetch(cursors, { ...patient, signal: abort.signal }), []);

  const woken = reader.fetch(cursors, patient);
  await writer.send(1, events(1, 1, 1));
  const [batch] = await woken;
  assert.equal(batch?.partition, 1);
  assert.deepEqual(
    batch?.events.map((event) => [event.position, event.stream]),
    [[1, eventAt(1).stream]],
  );
});

test("a fetch of other partitions does not wait for the one in flight", async (t) => {
  const { writer, reader, events } = await setUp(t, 2);
  await writer.send(1, events(1, 3, 1));
  const abort = new AbortController();
  const waiting = reader.fetch([startOf(0)], { ...patient, maxWaitMs: 60_000, signal: abort.signal });
  abort.abort();
  await waiting;
  const [batch] = await reader.fetch([startOf(0), startOf(1)], { ...patient, maxWaitMs: 8_000 });
  assert.equal(batch?.next.position, 3);
});

test("events after duplicates, markers and rewinds are each given once for the cursor asked", async (t) => {
  const { topic, writer, openWriter, reader, events } = await setUp(t);
  await writer.send(0, events(1, 30));
  const zombie = await openWriter();
  await zombie.send(0, events(5, 28));
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [...brokers], idempotent: true, transactionalId: topic, retries: 3 });
  const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
  await transaction.send({ messages: [{ topic, partition: 0, key: Buffer.from("k"), value: Buffer.from("aborted") }] });
  await transaction.abort();
  await producer.close();
  await writer.tails([0]);
  await writer.send(0, events(31, 40));
  const cursors = cursorsOf(0);
  assert.deepEqual((await readUntil(reader, cursors, 40, { ...patient, maxEvents: 7 })).get(0), upTo(40));
  const rewound = new Map([[0, startOf(0)]]);
  assert.deepEqual((await readUntil(reader, rewound, 40)).get(0), upTo(40));
});

test("a wrong or outdated hint is searched from the start; a real gap is LOG_GAP, after what is before it", async (t) => {
  const { writer, openWriter, openReader, events, log } = await setUp(t);
  await writer.send(0, events(1, 10));
  const at3: Cursor = { partition: 0, position: 3, eventId: "0-0-3", logId, hint: "999" };
  for (const hint of ["999", "7", "0", "rubbish"]) {
    const [batch] = await openReader().fetch([{ ...at3, hint }], patient);
    assert.deepEqual(
      batch?.events.map((event) => event.position),
      [4, 5, 6, 7, 8, 9, 10],
      `hint ${hint}`,
    );
  }
  const careless = await openWriter();
  await careless.send(0, events(12, 13));
  const reader = openReader();
  const [before] = await reader.fetch([at3], patient);
  assert.equal(before?.next.position, 10);
  const gap = (error: unknown) =>
    isTidemarkError(error, "LOG_GAP") && error.details.log === log && error.details.expected === 11 && error.details.found === 12;
  await assert.rejects(reader.fetch([before.next], patient), gap);
  await assert.rejects(reader.fetch([before.next], patient), gap);
});

test("one partition's fault does not hold up the others", async (t) => {
  const { topic, writer, reader, events } = await setUp(t, 2);
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [...brokers], retries: 3 });
  await producer.send({ acks: -1, messages: [{ topic, partition: 0, key: Buffer.from("k"), value: Buffer.from("{}") }] });
  await producer.close();
  await writer.send(1, events(1, 3, 1));
  const [first] = await reader.fetch([startOf(0), startOf(1)], { ...patient, maxEvents: 2 });
  assert.equal(first?.next.position, 2);
  await assert.rejects(
    reader.fetch([startOf(0), first.next], patient),
    (error) => isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === 0,
  );
  const [batch] = await reader.fetch([first.next], patient);
  assert.equal(batch?.next.position, 3);
});

test("another log id than the cursor's is LOG_DIVERGED", async (t) => {
  const { reader, writer, events } = await setUp(t);
  await writer.send(0, events(1, 3));
  const cursor = { partition: 0, position: 1, eventId: "0-0-1", logId: otherLogId, hint: null };
  await assert.rejects(reader.fetch([cursor], patient), (error) => isTidemarkError(error, "LOG_DIVERGED"));
});

test("a topic deleted, made again and filled again is read on, without a doubled or lost event", async (t) => {
  const { topic, writer, openWriter, reader, events } = await setUp(t);
  await writer.send(0, [...events(1, 20)]);
  const cursors = cursorsOf(0);
  await readUntil(reader, cursors, 20);
  const waiting = reader.fetch([...cursors.values()], { ...patient, maxWaitMs: 20_000 });
  await admin.deleteTopics({ topics: [topic] });
  const refilled = await openWriter();
  await refilled.send(0, events(1, 25));
  const [batch] = (await waiting) as readonly [Batch];
  cursors.set(0, batch.next);
  const rest = await readUntil(reader, cursors, 25);
  assert.deepEqual([...batch.events.map((event) => event.position), ...rest.get(0)!], [21, 22, 23, 24, 25]);
});

test("nothing is lost or doubled over rewinds, limits and partitions left out while more is read ahead", async (t) => {
  const { writer, reader, events } = await setUp(t, 2);
  const count = 9_000;
  await Promise.all(
    [0, 1].map(async (partition) => {
      for (let from = 1; from <= count; from += 1_000)
        await writer.send(partition, eventsAt(from, from + 999, { log: events(1, 1)[0]!.log, partition, dataBytes: 400 }));
    }),
  );
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const cursors = cursorsOf(0, 1);
  for (let turn = 0; [...cursors.values()].some((cursor) => cursor.position < count); turn++) {
    const all = [...cursors.values()].filter((cursor) => cursor.position < count);
    const asked = turn % 5 === 4 ? all.slice(0, 1) : all;
    const batches = await reader.fetch(asked, { ...patient, maxEvents: 1 + random(2_500) });
    assert.ok(batches.length > 0);
    for (const { partition, events: read, next } of batches) {
      const { position } = cursors.get(partition)!;
      assert.deepEqual(
        read.map((event) => [event.partition, event.position]),
        read.map((_, i) => [partition, position + 1 + i]),
      );
      // now and then back to where it was, or to where the events before it begin
      if (turn % 7 !== 6) cursors.set(partition, next);
      else if (turn < 60 && random(2) === 0) cursors.set(partition, startOf(partition));
    }
  }
});

test("closing while an answer is under way ends what waits, and gives nothing out afterwards", async (t) => {
  const { writer, reader, log } = await setUp(t);
  for (let from = 1; from <= 6_000; from += 1_000) await writer.send(0, eventsAt(from, from + 999, { log, dataBytes: 1_000 }));
  const [batch] = await reader.fetch([startOf(0)], { ...patient, maxEvents: 10 });
  assert.equal(batch?.next.position, 10);
  await reader.close();
  await assert.rejects(
    async () => {
      for (let at = batch.next; ;) at = (await reader.fetch([at], patient))[0]!.next;
    },
    (error) => isTidemarkError(error, "CLOSED"),
  );
});

test("closing ends a long poll in flight within a second", async (t) => {
  const { reader } = await setUp(t);
  // a call that is given up leaves its poll in flight, and the next one waits on it
  await reader.fetch([startOf(0)], { ...patient, maxWaitMs: 60_000, signal: AbortSignal.timeout(200) });
  const waiting = assert.rejects(reader.fetch([startOf(0)], { ...patient, maxWaitMs: 60_000 }), (error) =>
    isTidemarkError(error, "CLOSED"),
  );
  const begun = performance.now();
  await reader.close();
  await waiting;
  assert.ok(performance.now() - begun < 1_000);
});
