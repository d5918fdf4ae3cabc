import assert from "node:assert/strict";
import { after, test, type TestContext } from "node:test";
import { Admin, Consumer, Producer } from "@platformatic/kafka";
import { kafka, uniqueName } from "../../test/services.ts";
import { isTidemarkError } from "../errors.ts";
import { openCluster } from "./cluster.ts";
import { eventAt, eventsAt, logId, otherLogId } from "./events.fixture.ts";
import { openLogWriter } from "./log-writer.ts";
import { topicOf } from "./options.ts";
import { recordBytes } from "./record-writing.ts";

const { brokers } = await kafka();
const cluster = openCluster({ brokers: brokers.join(",") });
const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
after(async () => {
  await cluster.close();
  await admin.close();
});

async function setUp(t: TestContext, partitions = 1, id = logId) {
  const log = uniqueName(t);
  const topic = topicOf("", log);
  const writer = await openLogWriter(cluster, { topic, identity: { log, logId: id, partitions } });
  t.after(() => writer.close());
  return { log, topic, writer, events: (from: number, to: number, partition = 0) => eventsAt(from, to, { log, partition }) };
}

/** What the library's own consumer reads: offset, key, value and headers by partition. */
async function consumed(topic: string, count: number) {
  const consumer = new Consumer({ clientId: "test", groupId: `g-${topic}`, bootstrapBrokers: [...brokers] });
  const stream = await consumer.consume({ topics: [topic], mode: "earliest", autocommit: false });
  const records: { partition: number; key: string; value: string; position: number }[] = [];
  for await (const { partition, key, value, headers } of stream) {
    const text = new Map([...headers].map(([name, content]) => [name.toString(), content.toString()]));
    records.push({ partition, key: key.toString(), value: value.toString(), position: Number(text.get("tidemark-position")) });
    if (records.length === count) break;
  }
  await consumer.close(true);
  return records;
}

test("sends of several partitions at once come in order, dense, as the library's consumer reads them", async (t) => {
  const { topic, writer, events } = await setUp(t, 4);
  const perPartition = 2_500;
  await Promise.all(
    [0, 1, 2, 3].map(async (partition) => {
      // two calls wait for each other by themselves
      await Promise.all([
        writer.send(partition, events(1, 2_100, partition)),
        writer.send(partition, events(2_101, perPartition, partition)),
      ]);
    }),
  );
  const records = await consumed(topic, 4 * perPartition);
  for (const partition of [0, 1, 2, 3]) {
    const own = records.filter((record) => record.partition === partition);
    assert.deepEqual(
      own.map((record) => record.position),
      events(1, perPartition).map((event) => event.position),
    );
    assert.equal(own[10]!.key, eventAt(11).stream);
    assert.equal(own[10]!.value, eventAt(11).data);
  }
  assert.deepEqual(
    (await writer.tails([0, 1, 2, 3])).map((tail) => [tail.partition, tail.position, tail.eventId, tail.everWritten]),
    [0, 1, 2, 3].map((partition) => [partition, perPartition, `0-${partition}-${perPartition}`, true]),
  );
});

test("an empty topic has tails at 0 that were never written", async (t) => {
  const { writer } = await setUp(t, 2);
  assert.deepEqual(await writer.tails([1, 0]), [
    { partition: 1, position: 0, eventId: null, everWritten: false },
    { partition: 0, position: 0, eventId: null, everWritten: false },
  ]);
});

test("a large call is split in order, by size and by count", async (t) => {
  const { log, topic, writer } = await setUp(t);
  const events = eventsAt(1, 12, { log, dataBytes: 300_000 });
  await writer.send(0, events);
  assert.deepEqual(
    (await consumed(topic, 12)).map((record) => record.value),
    events.map((event) => event.data),
  );
});

test("the largest event by recordBytes is taken, one beyond the topic's limit is EVENT_TOO_LARGE and writes nothing", async (t) => {
  const { log, topic, writer } = await setUp(t);
  const small = recordBytes(eventAt(1, { log }));
  const largest = eventAt(1, { log, dataBytes: writer.maxRecordBytes - small });
  assert.equal(recordBytes(largest), writer.maxRecordBytes);
  await writer.send(0, [largest]);
  const tooLarge = eventAt(2, { log, dataBytes: writer.maxRecordBytes });
  await assert.rejects(
    writer.send(0, [tooLarge]),
    (error) => isTidemarkError(error, "EVENT_TOO_LARGE") && error.details.limit === 1_048_588,
  );
  await assert.rejects(writer.send(0, [eventAt(3, { log })]), (error) => isTidemarkError(error, "UNAVAILABLE"));
  assert.deepEqual(await writer.tails([0]), [{ partition: 0, position: 1, eventId: "0-0-1", everWritten: true }]);
  await writer.send(0, [eventAt(2, { log })]);
  assert.deepEqual(
    (await consumed(topic, 2)).map((record) => record.position),
    [1, 2],
  );
});

test("where the topic's limit is lowered, requests get smaller and nothing is lost", async (t) => {
  const { log, topic, writer } = await setUp(t);
  await admin.incrementalAlterConfigs({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: "max.message.bytes", configOperation: 0, value: "20000" }] }],
  });
  await writer.send(0, eventsAt(1, 50, { log, dataBytes: 1_000 }));
  assert.deepEqual(
    (await consumed(topic, 50)).map((record) => record.position),
    eventsAt(1, 50).map((event) => event.position),
  );
  assert.ok(writer.maxRecordBytes < 20_000);
});

test("the tail is the highest position among the last records, not the last one", async (t) => {
  const { log, topic, writer, events } = await setUp(t);
  await writer.send(0, events(1, 1_500));
  const zombie = await openLogWriter(cluster, { topic, identity: { log, logId, partitions: 1 } });
  t.after(() => zombie.close());
  await zombie.send(0, events(700, 1_600).slice(0, 700));
  assert.deepEqual(await writer.tails([0]), [{ partition: 0, position: 1_500, eventId: "0-0-1500", everWritten: true }]);
});

test("tails look behind transaction markers and leave aborted records out", async (t) => {
  const { topic, writer, events } = await setUp(t);
  await writer.send(0, events(1, 3));
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [...brokers], idempotent: true, transactionalId: topic, retries: 3 });
  const transaction = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
  await transaction.send({ messages: [{ topic, partition: 0, key: Buffer.from("k"), value: Buffer.from("v") }] });
  await transaction.abort();
  await producer.close();
  assert.equal((await writer.tails([0]))[0]?.position, 3);
});

test("foreign records and another log id are LOG_DIVERGED", async (t) => {
  const { topic, writer, log } = await setUp(t, 2);
  const producer = new Producer({ clientId: "test", bootstrapBrokers: [...brokers], retries: 3 });
  await producer.send({ acks: -1, messages: [{ topic, partition: 0, key: Buffer.from("k"), value: Buffer.from("{}") }] });
  await producer.close();
  const other = await openLogWriter(cluster, { topic, identity: { log, logId: otherLogId, partitions: 2 } });
  t.after(() => other.close());
  await other.send(1, eventsAt(1, 1, { log, partition: 1 }));
  const diverged = (partition: number) => (error: unknown) =>
    isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === partition;
  await assert.rejects(writer.tails([0]), diverged(0));
  await assert.rejects(writer.tails([1]), diverged(1));
});

test("a topic deleted and made again is LOG_DIVERGED, for tails and for sends", async (t) => {
  const { log, topic, writer, events } = await setUp(t);
  await writer.send(0, events(1, 5));
  await admin.deleteTopics({ topics: [topic] });
  const again = await openLogWriter(cluster, { topic, identity: { log, logId, partitions: 1 } });
  t.after(() => again.close());
  assert.notEqual(again.topicId, writer.topicId);
  const diverged = (error: unknown) => isTidemarkError(error, "LOG_DIVERGED");
  await assert.rejects(writer.send(0, events(6, 6)), diverged);
  await assert.rejects(writer.tails([0]), diverged);
});

test("another number of partitions is PARTITIONS_CHANGED", async (t) => {
  const { log, topic } = await setUp(t, 2);
  await assert.rejects(
    openLogWriter(cluster, { topic, identity: { log, logId, partitions: 3 } }),
    (error) => isTidemarkError(error, "PARTITIONS_CHANGED") && error.details.stored === 2,
  );
});

test("the topic's settings keep events for ever, and weaker ones are said in words", async (t) => {
  const { log, topic, writer } = await setUp(t);
  assert.deepEqual(writer.weaknesses, []);
  await admin.incrementalAlterConfigs({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: "retention.ms", configOperation: 0, value: "1000" }] }],
  });
  const again = await openLogWriter(cluster, { topic, identity: { log, logId, partitions: 1 } });
  t.after(() => again.close());
  assert.equal(again.weaknesses.length, 1);
  assert.match(again.weaknesses[0]!, /retention\.ms is 1000, should be -1/);
});

test("a hole in what is to be sent is refused before anything is written", async (t) => {
  const { writer, events } = await setUp(t);
  await writer.send(0, events(1, 2));
  await assert.rejects(writer.send(0, events(4, 4)), (error) => isTidemarkError(error, "LOG_GAP") && error.details.expected === 3);
  assert.equal((await writer.tails([0]))[0]?.position, 2);
});

test("a name that Kafka refuses is INVALID_SETTING, and a closed writer says so", async (t) => {
  await assert.rejects(openLogWriter(cluster, { topic: "no spaces", identity: { log: "x", logId, partitions: 1 } }), (error) =>
    isTidemarkError(error, "INVALID_SETTING"),
  );
  const { writer, events } = await setUp(t);
  await writer.close();
  await assert.rejects(writer.send(0, events(1, 1)), (error) => isTidemarkError(error, "CLOSED"));
});
