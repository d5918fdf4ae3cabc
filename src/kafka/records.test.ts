import assert from "node:assert/strict";
import { test } from "node:test";
import { type CloudEvent, Kafka, type KafkaMessage } from "cloudevents";
import fc from "fast-check";
import type { LogEvent, Metadata } from "../core/message.ts";
import { isTidemarkError } from "../errors.ts";
import type { StoredEvent } from "../runtime/ports.ts";
import type { RecordCursor } from "./batch-decoder.ts";
import { batchEncoder } from "./batch-encoder.ts";
import { firstRecord, recordsIn } from "./events.fixture.ts";
import { RecordReader } from "./record-reading.ts";
import { recordBytes, recordMaker } from "./record-writing.ts";

const logId = "0193e4a0-0000-7000-8000-000000000001";
const word = fc.string({ unit: "grapheme", minLength: 1, maxLength: 60 }).filter((s) => s.isWellFormed());
const time = fc.date({ min: new Date(0), max: new Date("2100-01-01T00:00:00Z"), noInvalidDate: true }).map((date) => date.toISOString());
const metadata = fc.record(
  {
    time,
    commandId: word,
    correlationId: word,
    causationId: word,
    traceparent: word,
    tracestate: word,
    actor: word,
    later: fc.jsonValue(),
  },
  { requiredKeys: ["time", "commandId", "correlationId", "causationId"] },
);
const number = fc.integer({ min: 1, max: 2 ** 40 });
const stored = fc
  .record({
    position: number,
    stream: word,
    version: number,
    type: word,
    schemaVersion: fc.integer({ min: 1, max: 99 }),
    id: fc.uuid(),
    data: fc.jsonValue({ maxDepth: 3 }),
    metadata,
  })
  .map((e): StoredEvent => ({
    ...e,
    log: "orders",
    partition: 3,
    commandId: e.metadata.commandId,
    data: JSON.stringify(e.data),
    metadata: JSON.stringify(e.metadata),
  }));

/** What the write store's reader makes of the row. */
function fromStore(event: StoredEvent): LogEvent {
  const { log, partition, position, stream, version, type, schemaVersion, id } = event;
  const parsed = JSON.parse(event.metadata) as Metadata;
  return {
    log,
    partition,
    position,
    stream,
    version,
    type,
    schemaVersion,
    id,
    time: parsed.time,
    data: JSON.parse(event.data) as unknown,
    metadata: parsed,
  };
}

function throughKafka(event: StoredEvent): { batch: Buffer; bytes: number } {
  const encoder = batchEncoder();
  encoder.begin(0);
  const before = encoder.size;
  encoder.add(recordMaker("orders", logId)(event));
  const bytes = encoder.size - before;
  return { batch: Buffer.from(encoder.finish()), bytes };
}

function read(record: RecordCursor, expected: string | null, reader = new RecordReader("orders", 3)): LogEvent {
  reader.place(record, expected);
  return reader.event(record);
}

test("an event read from Kafka is the very event of the write store, and its value the stored bytes", () => {
  const reader = new RecordReader("orders", 3);
  fc.assert(
    fc.property(stored, (event) => {
      const { batch } = throughKafka(event);
      // what a reader has kept of one record must not show in another
      assert.deepEqual(read(firstRecord(batch), logId, reader), fromStore(event));
      assert.equal(recordsIn(batch).records[0]!.value, event.data);
    }),
    { numRuns: 500 },
  );
});

test("recordBytes is never less than what the record takes, and not far above", () => {
  fc.assert(
    fc.property(stored, (event) => {
      const { bytes } = throughKafka(event);
      const bound = recordBytes(event);
      assert.ok(bound >= bytes - 16, `${bound} for a record of ${bytes}`);
      assert.ok(bound < 2 * bytes + 1_000, `${bound} for a record of ${bytes}`);
    }),
    { numRuns: 500 },
  );
});

test("a record is a CloudEvent in binary mode to other readers", () => {
  const event: StoredEvent = {
    log: "orders",
    partition: 3,
    position: 12,
    stream: "o-1",
    version: 2,
    type: "OrderPaid",
    schemaVersion: 1,
    id: "0193e4a0-0000-7000-8000-00000000000a",
    commandId: "c-1",
    data: '{"amount":1250}',
    metadata: JSON.stringify({
      time: "2026-03-01T10:00:00.000Z",
      commandId: "c-1",
      correlationId: "r-1",
      causationId: "c-1",
      traceparent: "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
      actor: "ann",
    }),
  };
  const record = recordsIn(throughKafka(event).batch).records[0]!;
  const headers = Object.fromEntries(record.headers) as Record<string, string>;
  const message: KafkaMessage<string> = { key: record.key!, value: record.value!, headers, body: record.value!, timestamp: "0" };
  const cloudEvent = Kafka.toEvent(message) as CloudEvent<unknown>;
  assert.equal(cloudEvent.specversion, "1.0");
  assert.equal(cloudEvent.id, event.id);
  assert.equal(cloudEvent.source, "tidemark/orders");
  assert.equal(cloudEvent.type, "OrderPaid");
  assert.equal(cloudEvent.time, "2026-03-01T10:00:00.000Z");
  assert.equal(cloudEvent.subject, "o-1");
  assert.equal(cloudEvent["correlationid"], "r-1");
  assert.equal(cloudEvent["causationid"], "c-1");
  assert.deepEqual(cloudEvent.data, { amount: 1250 });
  assert.equal(cloudEvent.validate(), true);
  assert.deepEqual(headers, {
    "ce_specversion": "1.0",
    "ce_source": "tidemark/orders",
    "content-type": "application/json",
    "tidemark-log-id": logId,
    "tidemark-position": "12",
    "ce_id": event.id,
    "ce_type": "OrderPaid",
    "ce_subject": "o-1",
    "tidemark-version": "2",
    "tidemark-schema-version": "1",
    "ce_time": "2026-03-01T10:00:00.000Z",
    "tidemark-command-id": "c-1",
    "ce_correlationid": "r-1",
    "ce_causationid": "c-1",
    "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
    "tidemark-actor": "ann",
  });
});

test("a record of another log id, and one without our headers, are refused", () => {
  const [event] = fc.sample(stored, 1);
  const record = firstRecord(throughKafka(event!).batch);
  const diverged = (error: unknown) => isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === 3;
  assert.throws(() => read(record, "0193e4a0-0000-7000-8000-0000000000ff"), diverged);
  record.headerCount = 0;
  assert.throws(() => read(record, null), diverged);
  assert.throws(() => new RecordReader("orders", 3).place(record, null), diverged);
});
