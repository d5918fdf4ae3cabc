/** Rows and events are one; a view follows, and the token of a transaction waits for it. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import pg from "pg";
import { spec, stream } from "tidemark/testing";
import { eventually } from "../../test/memory-world.ts";
import { kafka, postgres, uniqueName } from "../../test/services.ts";
import { inventoryService } from "./main.ts";
import { inventory, products, stockLevels, tables } from "./stock.ts";

const { ProductAdded, StockReleased, StockReserved } = products.events;

test("a level follows reservations and releases", () => {
  const order = { orderId: "o-1", quantity: 2 };
  spec(stockLevels)
    .given(
      stream(products, "coffee", [
        ProductAdded({ name: "Coffee", stock: 5 }),
        StockReserved(order),
        StockReserved(order),
        StockReleased(order),
      ]),
    )
    .then({ coffee: { name: "Coffee", free: 3, reserved: 2 } });
});

for (const transport of ["the events table", "Kafka"]) {
  test(
    `what is reserved at once by many is never more than there is, and the view says what the table says, by ${transport}`,
    { timeout: 90_000 },
    async (t) => {
      const database = await (await postgres()).createDatabase();
      const folder = mkdtempSync(join(tmpdir(), "tidemark-inventory-"));
      const prefix = `i_${uniqueName().slice(-10)}_`;
      const pool = new pg.Pool({ connectionString: database.url });
      // its database is dropped when it has said goodbye, and the server may not have heard it yet
      pool.on("error", () => undefined);
      const app = await inventoryService.start({
        environment: {
          DATABASE_URL: database.url,
          TIDEMARK_DATA: folder,
          ...(transport === "Kafka" ? { KAFKA_BROKERS: (await kafka()).brokers.join(",") } : {}),
          TIDEMARK_PREFIX: prefix,
          TIDEMARK_PARTITIONS: "3",
          PORT: "0",
          LOG_LEVEL: "silent",
        },
      });
      const stock = inventory(pool, `${prefix}tidemark`);
      t.after(async () => {
        await app.close();
        await stock.close();
        await pool.end();
        await database.drop();
        rmSync(folder, { recursive: true, force: true });
      });
      await pool.query(tables);
      // a view has no tables before its log is there
      await eventually("the view is there", async () => (await app.status()).projections.length > 0);
      const ids = [uniqueName(), uniqueName()];
      for (const id of ids) await stock.add(id, "Coffee", 10);
      const done = await Promise.all(ids.flatMap((id) => Array.from({ length: 15 }, (_, n) => stock.reserve(id, `o-${n}`, 1))));
      assert.equal(done.filter(({ result }) => result).length, 20);
      assert.equal(await done.find(({ result }) => !result)!.token(), null);
      const { rows } = await pool.query<{ order_id: string }>("select distinct order_id from reservations limit 1");
      const released = await stock.release(rows[0]!.order_id);
      assert.ok(released.result > 0);
      const now = await pool.query<{ id: string; stock: number }>("select id, stock from products");
      for (const { id, stock: free } of now.rows) {
        for (const committed of [...done, released]) {
          const token = await committed.token();
          if (token !== null) await app.read(stockLevels, { token, waitMs: 20_000 }).get(id);
        }
        const level = await app.read(stockLevels).get(id);
        assert.deepEqual(level?.document, { name: "Coffee", free, reserved: 10 - free });
      }
    },
  );
}
