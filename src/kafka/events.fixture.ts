/** Events and bytes for the tests of this folder. */
import type { Cursor, StoredEvent } from "../runtime/ports.ts";
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
