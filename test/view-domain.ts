/** Orders and customers for tests of view stores: definitions of every kind of view, and random logs of them. */
import { z } from "zod";
import { aggregate } from "../src/core/aggregate.ts";
import type { LogEvent } from "../src/core/message.ts";
import { partitionOf } from "../src/core/partition.ts";
import { reference } from "../src/core/reference.ts";
import { view } from "../src/core/view.ts";

export const customers = aggregate(
  "customers",
  {
    id: "customerId",
    commands: {},
    events: {
      Registered: z.object({ name: z.string(), email: z.string() }),
      Renamed: z.object({ name: z.string() }),
      Mailed: z.object({ email: z.string() }),
      Removed: z.object({}),
    },
    initial: 0,
  },
  { decide: {}, evolve: { Registered: () => 1, Renamed: () => 1, Mailed: () => 1, Removed: () => 0 } },
);

export const orders = aggregate(
  "orders",
  {
    id: "orderId",
    commands: {},
    events: {
      Created: z.object({ customerId: z.string().nullable() }),
      Added: z.object({ productId: z.string(), quantity: z.int() }),
      Moved: z.object({ customerId: z.string().nullable() }),
      Paid: z.object({ method: z.string() }),
      Erased: z.object({}),
      Noted: z.object({}),
    },
    initial: 0,
  },
  { decide: {}, evolve: { Created: () => 1, Added: () => 1, Moved: () => 1, Paid: () => 1, Erased: () => 0, Noted: () => 1 } },
);

const Status = z.enum(["OPEN", "PAID"]);

export const customerCards = view(
  "customer_cards",
  { document: z.object({ name: z.string(), email: z.string() }), from: [customers] },
  {
    create: { Registered: ({ data }) => data },
    on: {
      Renamed: (card, { data }) => ({ ...card, name: data.name }),
      Mailed: (card, { data }) => ({ ...card, email: data.email }),
      Removed: () => null,
    },
  },
);

/** Keyed by stream, copies from customers. */
export const orderSummaries = view(
  "order_summaries",
  {
    document: z.object({
      customerId: z.string().nullable(),
      customerName: z.string().nullable(),
      customerNote: z.string().optional(),
      status: Status,
      items: z.array(z.object({ productId: z.string(), quantity: z.int() })),
      count: z.int(),
      weight: z.number().optional(),
      method: z.string().nullish(),
    }),
    from: [orders],
    indexes: ["customerId", ["status", "count"]],
    references: {
      customerId: reference(customerCards, (card, key) => ({
        customerName: card?.name ?? null,
        customerNote: card === null ? undefined : `${key} is ${card.name}`,
      })),
    },
  },
  {
    create: { Created: ({ data }) => ({ customerId: data.customerId, status: "OPEN", items: [], count: 0, method: null }) },
    on: {
      Added: (order, { data }) => ({
        ...order,
        items: [...order.items, data],
        count: order.count + data.quantity,
        weight: (order.weight ?? 0) + data.quantity / 8,
      }),
      Moved: (order, { data }) => ({ ...order, customerId: data.customerId }),
      Paid: (order, { data }) => ({ ...order, status: "PAID", method: data.method }),
      Erased: () => null,
    },
  },
);

/** Keyed by stream, copies nothing: the fast path. */
export const orderTotals = view(
  "order_totals",
  { document: z.object({ count: z.int(), paid: z.boolean(), customerId: z.string().nullable() }), from: [orders], indexes: ["count"] },
  {
    create: { Created: ({ data }) => ({ count: 0, paid: false, customerId: data.customerId }) },
    on: {
      Added: (order, { data }) => ({ ...order, count: order.count + data.quantity }),
      Paid: (order) => ({ ...order, paid: true }),
      Erased: () => null,
    },
  },
);

/** Keyed by product, fed by all partitions, gone at quantity 0. */
export const productStats = view(
  "product_stats",
  { document: z.object({ productId: z.string(), quantity: z.int() }), from: [orders], indexes: ["quantity"] },
  {
    key: { Added: ({ data }) => data.productId },
    initial: (productId) => ({ productId, quantity: 0 }),
    on: {
      Added: (stats, { data }) => (stats.quantity + data.quantity === 0 ? null : { ...stats, quantity: stats.quantity + data.quantity }),
    },
  },
);

const letters = ["", "é", "Z", "\u{10000}", "\uffee", "a'\"\\"];
/** Keys that JavaScript and PostgreSQL would sort differently. */
const keyOf = (prefix: string, i: number): string => `${letters[i % letters.length]}${prefix}-${i}`;

/** Fed by all partitions, and what it refers to moves with every event, so what a worker read before its locks is often not what it needs. */
export const turns = view(
  "turns",
  {
    document: z.object({ customerId: z.string(), name: z.string().nullable(), seen: z.int() }),
    from: [orders],
    indexes: ["customerId"],
    references: { customerId: reference(customerCards, (card) => ({ name: card?.name ?? null })) },
  },
  {
    key: { Created: ({ stream }) => [`of ${stream.length}`, "all"], Moved: () => "all" },
    initial: () => ({ customerId: keyOf("c", 0), seen: 0 }),
    on: { Created: (turn) => next(turn.seen), Moved: (turn) => next(turn.seen) },
  },
);

const next = (seen: number) => ({ seen: seen + 1, customerId: keyOf("c", (seen + 1) % 20) });

export const allViews = [orderSummaries, orderTotals, productStats, turns] as const;

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
