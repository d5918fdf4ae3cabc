/** Orders and customers: views of every kind that a store may be asked to keep. */
import { aggregate } from "../../core/aggregate.ts";
import { reference } from "../../core/reference.ts";
import { view } from "../../core/view.ts";
import { fields, flag, listOf, nothing, object, oneOf, orNull, real, text, whole } from "./schemas.ts";

export const customers = aggregate(
  "customers",
  {
    id: "customerId",
    commands: {},
    events: {
      Registered: fields<{ name: string; email: string }>({ name: text, email: text }),
      Renamed: fields<{ name: string }>({ name: text }),
      Mailed: fields<{ email: string }>({ email: text }),
      Removed: nothing,
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
      Created: fields<{ customerId: string | null }>({ customerId: orNull(text) }),
      Added: fields<{ productId: string; quantity: number }>({ productId: text, quantity: whole }),
      Moved: fields<{ customerId: string | null }>({ customerId: orNull(text) }),
      Paid: fields<{ method: string }>({ method: text }),
      Erased: nothing,
      Noted: nothing,
    },
    initial: 0,
  },
  { decide: {}, evolve: { Created: () => 1, Added: () => 1, Moved: () => 1, Paid: () => 1, Erased: () => 0, Noted: () => 1 } },
);

export const customerCards = view(
  "customer_cards",
  { document: fields<{ name: string; email: string }>({ name: text, email: text }), from: [customers] },
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
    document: fields<{
      customerId: string | null;
      customerName: string | null;
      customerNote?: string | undefined;
      status: "OPEN" | "PAID";
      items: { productId: string; quantity: number }[];
      count: number;
      weight?: number | undefined;
      method?: string | null | undefined;
    }>(
      {
        customerId: orNull(text),
        customerName: orNull(text),
        customerNote: text,
        status: oneOf("OPEN", "PAID"),
        items: listOf(object({ productId: text, quantity: whole })),
        count: whole,
        weight: real,
        method: orNull(text),
      },
      ["customerNote", "weight", "method"],
    ),
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

/** Keyed by stream, copies nothing. */
export const orderTotals = view(
  "order_totals",
  {
    document: fields<{ count: number; paid: boolean; customerId: string | null }>({ count: whole, paid: flag, customerId: orNull(text) }),
    from: [orders],
    indexes: ["count"],
  },
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
  {
    document: fields<{ productId: string; quantity: number }>({ productId: text, quantity: whole }),
    from: [orders],
    indexes: ["quantity"],
  },
  {
    key: { Added: ({ data }) => data.productId },
    initial: (productId) => ({ productId, quantity: 0 }),
    on: {
      Added: (stats, { data }) => (stats.quantity + data.quantity === 0 ? null : { ...stats, quantity: stats.quantity + data.quantity }),
    },
  },
);

const letters = ["", "é", "Z", "\u{10000}", "\uffee", "a'\"\\"];
/** Keys that JavaScript and databases would sort differently. */
export const keyOf = (prefix: string, i: number): string => `${letters[i % letters.length]}${prefix}-${i}`;

const next = (seen: number) => ({ seen: seen + 1, customerId: keyOf("c", (seen + 1) % 20) });

/** Fed by all partitions, and what it refers to moves with every event, so what a worker read before it writes is often not what it needs. */
export const turns = view(
  "turns",
  {
    document: fields<{ customerId: string; name: string | null; seen: number }>({ customerId: text, name: orNull(text), seen: whole }),
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

export const allViews = [orderSummaries, orderTotals, productStats, turns] as const;
