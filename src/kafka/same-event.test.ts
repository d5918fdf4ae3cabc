/** Whatever a projection reads, from Kafka or from the events table, it is the same event at the same position (I8). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { toLogEvent } from "../runtime/log-event.ts";
import type { StoredEvent } from "../runtime/ports.ts";
import { RecordCursor } from "./batch-decoder.ts";
import { batchEncoder } from "./batch-encoder.ts";
import { logId } from "./events.fixture.ts";
import { RecordReader } from "./record-reading.ts";
import { recordMaker } from "./record-writing.ts";

const metadata = {
  time: "2026-03-01T10:00:00.000Z",
  commandId: "c-1",
  correlationId: "r-1",
  causationId: "k-1",
  actor: "ann",
  later: { than: ["this", 1, null] },
};
const stored = (position: number, given: Partial<StoredEvent> = {}): StoredEvent => ({
  log: "orders",
  partition: 3,
  position,
  stream: `o-${position}`,
  version: position + 7,
  type: "OrderPaid",
  schemaVersion: 2,
  id: `0193e4a0-0000-7000-8000-00000000000${position % 10}`,
  commandId: "c-1",
  data: '{"amount":1250,  "note":"é\\u0041"}',
  metadata: JSON.stringify(metadata),
  ...given,
});

test("position, identity, data and metadata are the same on both ways", () => {
  // as a relay leaves them: sent again, so offsets are no positions
  const events = [
    stored(40),
    stored(41),
    stored(40),
    stored(41, { stream: "ö", data: "null" }),
    stored(42, { metadata: JSON.stringify({ ...metadata, traceparent: "00-4b-00f-01", tracestate: "a=b" }) }),
  ];
  const encoder = batchEncoder();
  encoder.begin(0);
  const make = recordMaker("orders", logId);
  for (const event of events) encoder.add(make(event));
  const records = new RecordCursor(encoder.finish(), 0);
  const reader = new RecordReader("orders", 3);
  const read = events.map(() => {
    assert.ok(records.next());
    reader.place(records, logId);
    return reader.event(records);
  });
  assert.deepEqual(read, events.map(toLogEvent));
  assert.deepEqual(toLogEvent(events[0]!), {
    log: "orders",
    partition: 3,
    position: 40,
    stream: "o-40",
    version: 47,
    type: "OrderPaid",
    schemaVersion: 2,
    id: events[0]!.id,
    time: metadata.time,
    data: { amount: 1250, note: "éA" },
    metadata,
  });
});
