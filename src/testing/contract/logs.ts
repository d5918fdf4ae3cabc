/** Random logs of orders and customers, as a transport would bring them: positions and versions are dense. */
import type { LogEvent } from "../../core/message.ts";
import { partitionOf } from "../../core/partition.ts";
import { keyOf } from "./domain.ts";

/** mulberry32: the same numbers for the same seed. */
export function random(seed: number) {
  let state = seed | 0;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
  const below = (n: number): number => Math.floor(next() * n);
  return { next, below, pick: <T>(items: readonly T[]): T => items[below(items.length)]! };
}

export type Random = ReturnType<typeof random>;

/** Keeps positions and versions dense while events are added. */
export function logWriter(log: string, partitions: number) {
  const byPartition: LogEvent[][] = Array.from({ length: partitions }, () => []);
  const versions = new Map<string, number>();
  let count = 0;
  return {
    byPartition,
    add(stream: string, type: string, data: unknown): LogEvent {
      const partition = partitionOf(stream, partitions);
      const events = byPartition[partition]!;
      const version = (versions.get(stream) ?? 0) + 1;
      versions.set(stream, version);
      count += 1;
      const id = `${log}-${count}`;
      const time = new Date(Date.UTC(2026, 0, 1) + count * 1_000).toISOString();
      const event: LogEvent = {
        log,
        partition,
        position: events.length + 1,
        stream,
        version,
        type,
        schemaVersion: 1,
        id,
        time,
        data,
        metadata: { time, commandId: id, correlationId: id, causationId: id },
      };
      events.push(event);
      return event;
    },
  };
}

export interface Logs {
  readonly orders: readonly (readonly LogEvent[])[];
  readonly customers: readonly (readonly LogEvent[])[];
}

export const eventsOf = (logs: Logs): LogEvent[] => [...logs.customers.flat(), ...logs.orders.flat()];

/** Few documents, many renames; some customers never come. */
export function randomLogs(
  r: Random,
  options: {
    readonly partitions: number;
    readonly orders: number;
    readonly customers: number;
    readonly orderEvents: number;
    readonly customerEvents: number;
  },
): Logs {
  const orderLog = logWriter("orders", options.partitions);
  const customerLog = logWriter("customers", options.partitions);
  const living = new Set<string>();
  // most of what happens is about those few that come about then
  const around = (i: number, of: number) =>
    r.below(4) === 0 ? r.below(options.customers) : Math.min(options.customers - 1, Math.floor((i / of) * options.customers) + r.below(3));
  for (let i = 0; i < options.orderEvents; i++) {
    const customer = () =>
      r.below(12) === 0 ? null : keyOf("c", r.below(20) === 0 ? options.customers + 1 : around(i, options.orderEvents));
    const stream = keyOf("o", r.below(options.orders));
    if (!living.has(stream)) {
      living.add(stream);
      orderLog.add(stream, "Created", { customerId: customer() });
      continue;
    }
    const dice = r.below(20);
    if (dice === 0) living.delete(stream);
    if (dice === 0) orderLog.add(stream, "Erased", {});
    else if (dice < 8) orderLog.add(stream, "Moved", { customerId: customer() });
    else if (dice < 10) orderLog.add(stream, "Paid", { method: r.pick(["card", "cash", "null"]) });
    else if (dice < 11) orderLog.add(stream, "Noted", {});
    else orderLog.add(stream, "Added", { productId: keyOf("p", r.below(5)), quantity: r.pick([-2, -1, 1, 2]) });
  }
  const known = new Set<string>();
  for (let i = 0; i < options.customerEvents; i++) {
    const stream = keyOf("c", around(i, options.customerEvents));
    if (!known.has(stream)) {
      known.add(stream);
      customerLog.add(stream, "Registered", { name: `Name ${i}`, email: `${i}@example.com` });
      continue;
    }
    const dice = r.below(12);
    if (dice === 0) known.delete(stream);
    if (dice === 0) customerLog.add(stream, "Removed", {});
    else if (dice === 1) customerLog.add(stream, "Mailed", { email: `${i}@example.org` });
    else customerLog.add(stream, "Renamed", { name: `Näme ${i}` });
  }
  return { orders: orderLog.byPartition, customers: customerLog.byPartition };
}
