/** What each read model must say, from the fold of the log that shares no code with the product; amounts are counted as whole cents. */
import { detailOf, type Folded, summaryOf } from "../oracle.ts";

export interface Detail {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: string;
  readonly total: string;
  readonly items: readonly { productId: string; name: string; quantity: number; unitPrice: string }[];
  readonly history: readonly { status: string; at: string }[];
}

export interface Summary {
  readonly orderId: string;
  readonly customerId: string;
  readonly status: string;
  readonly createdAt: string;
}

export interface Expected {
  readonly details: ReadonlyMap<string, { readonly order: Detail; readonly version: number; readonly lastUpdated: string }>;
  readonly customers: ReadonlyMap<string, { readonly customer: unknown; readonly version: number; readonly lastUpdated: string }>;
  /** Newest first, then by the order's id, descending. */
  readonly summaries: readonly Summary[];
  readonly days: readonly unknown[];
  /** The documents of the topic. */
  readonly topic: ReadonlyMap<string, unknown>;
}

export const cents = (text: string): bigint => BigInt(text.replace(".", ""));
const amount = (minor: bigint): string => {
  const digits = String(minor).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
};

export function expectedOf(folded: Folded): Expected {
  const details: [string, { order: Detail; version: number; lastUpdated: string }][] = [];
  const summaries: Summary[] = [];
  const topic = new Map<string, unknown>();
  for (const [id, states] of folded.orders) {
    const state = states.at(-1)!;
    const customer = folded.customers.get(state.customerId)?.at(-1);
    const order = detailOf(state, customer) as Detail;
    const summary = summaryOf(state, customer) as Summary;
    details.push([id, { order, version: state.version, lastUpdated: state.lastUpdated }]);
    summaries.push(summary);
    topic.set(id, {
      orderId: id,
      customerId: order.customerId,
      status: order.status,
      items: order.items.map(({ productId, name, quantity, unitPrice }) => ({
        productId,
        name,
        quantity,
        unitPrice: Number(cents(unitPrice)),
      })),
      total: Number(cents(order.total)),
      createdAt: summary.createdAt,
      updatedAt: state.lastUpdated,
    });
  }
  const order = (a: Summary, b: Summary) =>
    a.createdAt === b.createdAt ? (a.orderId < b.orderId ? 1 : -1) : a.createdAt < b.createdAt ? 1 : -1;
  return {
    details: new Map(details),
    customers: new Map(
      [...folded.customers].map(([id, states]) => {
        const { customer, version, lastUpdated } = states.at(-1)!;
        return [id, { customer, version, lastUpdated }];
      }),
    ),
    summaries: summaries.toSorted(order),
    days: daysOf(details.map(([, { order }]) => order)),
    topic,
  };
}

function daysOf(orders: readonly Detail[]): unknown[] {
  const days = Map.groupBy(
    orders.flatMap((order) =>
      order.history.filter(({ status }) => status === "SUBMITTED").map(({ at }) => ({ date: at.slice(0, 10), order })),
    ),
    ({ date }) => date,
  );
  return [...days]
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([date, all]) => {
      const kept = all.filter(({ order }) => order.status !== "CANCELLED");
      const revenue = kept.reduce((sum, { order }) => sum + cents(order.total), 0n);
      const n = BigInt(kept.length);
      return {
        date,
        orderCount: all.length,
        totalRevenue: amount(revenue),
        averageOrderValue: amount(n === 0n ? 0n : (2n * revenue + n) / (2n * n)),
        ordersByStatus: Object.fromEntries(
          [...Map.groupBy(all, ({ order }) => order.status)].map(([status, those]) => [status, those.length]),
        ),
      };
    });
}
