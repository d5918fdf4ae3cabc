/** The views that are rebuilt, and what they must hold: of each order a function of its number, so no fold has to be kept to check millions. */
import assert from "node:assert/strict";
import pg from "pg";
import { z } from "zod";
import { orders } from "../../examples/orders/domain.ts";
import { orderSummaries } from "../../examples/orders/views.ts";
import type { AnyView, Document } from "../../src/core/definition.ts";
import { view } from "../../src/core/index.ts";
import { openDatabase, postgresViewStore } from "../../src/postgres/index.ts";
import { customerName } from "./events.ts";
import { customerNumber, eventsPerOrder, eventTime, orderKey, orderOf } from "./orders.ts";

/** Keyed by stream, one index, no references: the plain case. */
export const plainOrders = view(
  "plain_orders",
  {
    document: z.object({
      orderId: z.string(),
      customerId: z.string(),
      status: z.enum(["CREATED", "SUBMITTED", "PAID"]),
      total: z.int(),
      itemCount: z.int(),
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
    from: [orders],
    indexes: ["customerId"],
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => ({
        orderId: stream,
        customerId: data.customerId,
        status: "CREATED",
        total: data.items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0),
        itemCount: data.items.length,
        createdAt: time,
        updatedAt: time,
      }),
    },
    on: {
      ItemAdded: (order, { data, time }) => ({
        ...order,
        total: order.total + data.quantity * data.unitPrice,
        itemCount: order.itemCount + 1,
        updatedAt: time,
      }),
      OrderSubmitted: (order, { time }) => ({ ...order, status: "SUBMITTED", updatedAt: time }),
      OrderPaid: (order, { time }) => ({ ...order, status: "PAID", updatedAt: time }),
    },
  },
);

export const views: Readonly<Record<string, AnyView>> = { plain_orders: plainOrders, order_summaries: orderSummaries };
export const viewSchema = "tidemark_views";

/** What a view holds of the order of this number once all its events are applied. */
export function expectedDocument(name: string, n: number): Document {
  const order = orderOf(n);
  return {
    orderId: order.key,
    customerId: order.customerId,
    ...(name === "order_summaries" ? { customerName: customerName(customerNumber(n)) } : {}),
    status: "PAID",
    total: order.total,
    itemCount: order.items.length,
    createdAt: eventTime(n, 1),
    updatedAt: eventTime(n, eventsPerOrder),
  };
}

export async function openViews(url: string) {
  const database = await openDatabase({ url }, { schema: viewSchema });
  const store = postgresViewStore(database, { schema: viewSchema });
  await store.migrate({ ddl: true });
  return {
    store,
    async close() {
      await store.close();
      await database.close();
    },
  };
}

/** Throws unless the live generation holds the documents of `events` events and no other, each as a fold of its events gives it. */
export async function checkView(url: string, name: string, events: number): Promise<void> {
  const view = views[name]!;
  const orders = events / eventsPerOrder;
  const { store, close } = await openViews(url);
  try {
    const generation = (await store.current(view))!.generation;
    for (let from = 0; from < orders; from += 5_000) {
      const numbers = Array.from({ length: Math.min(5_000, orders - from) }, (_, i) => from + i);
      const found = await store.get(view, generation, numbers.map(orderKey));
      numbers.forEach((n, i) =>
        assert.deepEqual(found[i], {
          document: expectedDocument(name, n),
          version: eventsPerOrder,
          lastUpdated: eventTime(n, eventsPerOrder),
        }),
      );
    }
    const [status] = await store.status([view]);
    const positions = status!.generations
      .find((each) => each.generation === generation)!
      .checkpoints.filter((each) => each.log === "orders")
      .reduce((sum, { position }) => sum + position, 0);
    assert.equal(positions, events);
  } finally {
    await close();
  }
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ count: string }>(`select count(*) from ${viewSchema}.${name}`);
  await client.end();
  assert.equal(Number(rows[0]!.count), orders);
}
