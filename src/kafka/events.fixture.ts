/** Events and bytes for the tests of this folder. */
import type { Cursor, StoredEvent } from "../runtime/ports.ts";
import { type AbortedTransaction, nextOffsetOf, RecordCursor } from "./batch-decoder.ts";
import { batchEncoder } from "./batch-encoder.ts";
import { recordMaker } from "./record-writing.ts";

export const logId = "0193e4a0-0000-7000-8000-000000000001";
export const otherLogId = "0193e4a0-0000-7000-8000-000000000002";

export interface EventOptions {
  readonly log?: string;
  readonly partition?: number;
  readonly dataBytes?: number;
  /** Another event at the same position. */
  readonly variant?: string;
}

export function eventAt(position: number, { log = "orders", partition = 0, dataBytes = 0, variant = "0" }: EventOptions = {}): StoredEvent {
  const commandId = `c-${partition}-${position}`;
  return {
    log,
    partition,
    position,
    stream: `o-${position % 7}`,
    version: position,
    type: "OrderPaid",
    schemaVersion: 1,
    id: `${variant}-${partition}-${position}`,
    commandId,
    data: JSON.stringify({ amount: position, pad: "x".repeat(dataBytes) }),
    metadata: JSON.stringify({ time: "2026-03-01T10:00:00.000Z", commandId, correlationId: commandId, causationId: commandId }),
  };
}

export const eventsAt = (from: number, to: number, options: EventOptions = {}): StoredEvent[] =>
  Array.from({ length: to - from + 1 }, (_, i) => eventAt(from + i, options));

/** One batch as it lies in the log. */
export function batchOf(events: readonly StoredEvent[], baseOffset: number, log = "orders", id = logId): Buffer {
  const encoder = batchEncoder();
  const make = recordMaker(log, id);
  encoder.begin(0);
  for (const event of events) encoder.add(make(event));
  const batch = encoder.finish();
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  return batch;
}

export const startOf = (partition: number): Cursor => ({ partition, position: 0, eventId: null, logId: null, hint: null });

export interface PlainRecord {
  readonly offset: number;
  readonly key: string | null;
  readonly value: string | null;
  readonly headers: readonly (readonly [string, string | null])[];
}

/** All records of a fetch, headers read the plain way. */
export function recordsIn(bytes: Buffer, from = 0, aborted: readonly AbortedTransaction[] = []) {
  const cursor = new RecordCursor(bytes, from, aborted);
  const records: PlainRecord[] = [];
  const text = (start: number, end: number) => (end < 0 ? null : cursor.bytes.toString("utf8", start, end));
  while (cursor.next()) {
    records.push({
      offset: cursor.offset,
      key: text(cursor.keyStart, cursor.keyEnd),
      value: text(cursor.valueStart, cursor.valueEnd),
      headers: headersAt(cursor),
    });
  }
  return { records, nextOffset: nextOffsetOf(bytes, from) };
}

function headersAt({ bytes, headersStart, headerCount }: RecordCursor): [string, string | null][] {
  let at = headersStart;
  const length = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return (value >>> 1) ^ -(value & 1);
    }
  };
  const text = () => {
    const size = length();
    if (size < 0) return null;
    at += size;
    return bytes.toString("utf8", at - size, at);
  };
  return Array.from({ length: headerCount }, () => [text()!, text()]);
}

/** The first record of a batch. */
export function firstRecord(batch: Buffer): RecordCursor {
  const cursor = new RecordCursor(batch, 0);
  if (!cursor.next()) throw new Error("an empty batch");
  return cursor;
}
