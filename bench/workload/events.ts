/** The workload as the write store would hold it: orders interleaved in a window, positions dense in each partition. */
import { partitionOf } from "../../src/core/partition.ts";
import type { StoredEvent } from "../../src/runtime/ports.ts";
import { customerCount, customerKey, eventId, eventsPerOrder, eventTime, type Order, orderEvent, orderOf } from "./orders.ts";

/** So many orders are open at a time: the events of one lie about as many times five apart. */
const openOrders = 1_000;

export interface WorkloadOptions {
  /** A multiple of 5. */
  readonly events: number;
  readonly partitions: number;
}

/** As the runtime writes it: without a caller's context a command is its own cause. */
function metadataOf(n: number, version: number, time: string): string {
  const commandId = eventId(n, version + 0x100);
  return JSON.stringify({ time, commandId, correlationId: commandId, causationId: commandId });
}

/** Events of log `orders` in the order of their commits. The same in each run. */
export function* orderEvents({ events, partitions }: WorkloadOptions): Generator<StoredEvent> {
  const orders = Math.floor(events / eventsPerOrder);
  const positions = Array<number>(partitions).fill(0);
  const open: { readonly n: number; readonly order: Order; readonly partition: number; version: number }[] = [];
  let begun = 0;
  let seed = 1;
  while (begun < orders || open.length > 0) {
    while (open.length < openOrders && begun < orders) {
      const order = orderOf(begun);
      open.push({ n: begun, order, partition: partitionOf(order.key, partitions), version: 0 });
      begun += 1;
    }
    seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
    const at = (seed >>> 8) % open.length;
    const each = open[at]!;
    const { n, order, partition } = each;
    each.version += 1;
    if (each.version === eventsPerOrder) {
      const last = open.pop()!;
      if (last !== each) open[at] = last;
    }
    positions[partition]! += 1;
    const { type, data } = orderEvent(order, each.version);
    yield {
      log: "orders",
      partition,
      position: positions[partition]!,
      stream: order.key,
      version: each.version,
      type,
      schemaVersion: 1,
      id: eventId(n, each.version),
      commandId: eventId(n, each.version + 0x100),
      data: JSON.stringify(data),
      metadata: metadataOf(n, each.version, eventTime(n, each.version)),
    };
  }
}

/** What `reference` copies from a customer of this number. */
export const customerName = (n: number): string => `Customer ${n} of the long street`;

/** Events of log `customers`: each registered once. */
export function* customerEvents(partitions: number): Generator<StoredEvent> {
  const positions = Array<number>(partitions).fill(0);
  for (let n = 0; n < customerCount; n += 1) {
    const stream = customerKey(n);
    const partition = partitionOf(stream, partitions);
    positions[partition]! += 1;
    yield {
      log: "customers",
      partition,
      position: positions[partition]!,
      stream,
      version: 1,
      type: "CustomerRegistered",
      schemaVersion: 1,
      id: eventId(n, 0x800),
      commandId: eventId(n, 0x900),
      data: JSON.stringify({ name: customerName(n), email: `customer-${n}@example.com` }),
      metadata: metadataOf(n, 0x800, eventTime(n, 0)),
    };
  }
}
