/** Stock in a plain table: the row is the truth; what happened to it is published in the transaction that changed it. */
import type { Pool } from "pg";
import { eventLog, view } from "tidemark";
import { outbox } from "tidemark/postgres";
import { z } from "zod";

export const products = eventLog("products", {
  id: "productId",
  events: {
    ProductAdded: z.object({ name: z.string(), stock: z.int() }),
    StockReserved: z.object({ orderId: z.string(), quantity: z.int() }),
    StockReleased: z.object({ orderId: z.string(), quantity: z.int() }),
  },
});
const { ProductAdded, StockReserved, StockReleased } = products.events;

export const stockLevels = view(
  "stock_levels",
  { document: z.object({ name: z.string(), free: z.int(), reserved: z.int() }), from: [products], indexes: ["free"] },
  {
    create: { ProductAdded: ({ data }) => ({ name: data.name, free: data.stock, reserved: 0 }) },
    on: {
      StockReserved: (level, { data }) => ({ ...level, free: level.free - data.quantity, reserved: level.reserved + data.quantity }),
      StockReleased: (level, { data }) => ({ ...level, free: level.free + data.quantity, reserved: level.reserved - data.quantity }),
    },
  },
);

export const tables = `
create table if not exists products(id text primary key, name text not null, stock int not null check (stock >= 0));
create table if not exists reservations(order_id text, product_id text references products, quantity int not null, primary key (order_id, product_id));`;

/** `pool`: of the database that is the service's DATABASE_URL. Each answers what it did, and how to read it. */
export function inventory(pool: Pool, schema = `${process.env["TIDEMARK_PREFIX"] ?? ""}tidemark`) {
  const events = outbox(pool, { schema });
  return {
    add: (id: string, name: string, stock: number) =>
      events.transaction(async (tx) => {
        await tx.query("insert into products values ($1, $2, $3)", [id, name, stock]);
        await events.publish(tx, products, id, ProductAdded({ name, stock }), { expectedVersion: 0 });
      }),
    /** `result`: false where there is not enough. */
    reserve: (id: string, orderId: string, quantity: number) =>
      events.transaction(async (tx) => {
        const taken = await tx.query("update products set stock = stock - $2 where id = $1 and stock >= $2", [id, quantity]);
        if (taken.rowCount === 0) return false;
        await tx.query("insert into reservations values ($1, $2, $3)", [orderId, id, quantity]);
        await events.publish(tx, products, id, StockReserved({ orderId, quantity }));
        return true;
      }),
    /** All that the order has reserved, of every product. `result`: how many there were. */
    release: (orderId: string) =>
      events.transaction(async (tx) => {
        const { rows } = await tx.query<{ id: string; quantity: number }>(
          "delete from reservations where order_id = $1 returning product_id as id, quantity",
          [orderId],
        );
        // in one order, so that two orders of the same products do not wait for each other
        for (const { id, quantity } of rows.toSorted((x, y) => (x.id < y.id ? -1 : 1))) {
          await tx.query("update products set stock = stock + $2 where id = $1", [id, quantity]);
          await events.publish(tx, products, id, StockReleased({ orderId, quantity }));
        }
        return rows.length;
      }),
    close: () => events.close(),
  };
}
