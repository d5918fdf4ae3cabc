/** A view is rebuilt from the events table and from Kafka, and goes on from the other: positions are the same (I8). */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { customers, orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderDetails, orderSummaries } from "../../examples/orders/views.ts";
import { eventually } from "../../test/memory-world.ts";
import { kafka, postgres, uniqueName } from "../../test/services.ts";
import { type App, operator } from "./index.ts";

const item = { productId: "p-1", name: "Coffee", quantity: 2, unitPrice: "6.25" };

/** One more customer and order, seen in both views. */
async function happen(app: App, n: number): Promise<void> {
  const customerId = `c-${n}`;
  assert.ok((await app.execute(customers.commands.RegisterCustomer(customerId, { name: `Name ${n}`, email: "e@example.com" }))).accepted);
  assert.ok((await app.execute(orders.commands.CreateOrder(`o-${n}`, { customerId, items: [item] }))).accepted);
  const done = await app.execute(orders.commands.AddItem(`o-${n}`, item));
  assert.ok(done.accepted);
  const token = done.token;
  assert.equal((await app.read(orderSummaries, { token }).get(`o-${n}`))?.document.total, 2_500);
  assert.equal((await app.read(orderDetails, { token }).get(`o-${n}`))?.document.items.length, 2);
}

test("from the events table and from Kafka, in turns, while the view goes on by Kafka", { timeout: 180_000 }, async (t) => {
  const server = await postgres();
  const [write, read] = [await server.createDatabase(), await server.createDatabase()];
  const folder = mkdtempSync(join(tmpdir(), "tidemark-rebuild-"));
  const environment = {
    DATABASE_URL: write.url,
    READ_DATABASE_URL: read.url,
    KAFKA_BROKERS: (await kafka()).brokers.join(","),
    TIDEMARK_PREFIX: uniqueName().slice(-20),
    TIDEMARK_DATA: folder,
    TIDEMARK_PARTITIONS: "3",
    PORT: "0",
    LOG_LEVEL: "silent",
  };
  const app = await ordersService.start({ environment });
  t.after(async () => {
    await app.close();
    rmSync(folder, { recursive: true, force: true });
    await write.drop();
    await read.drop();
  });
  const all = async () => {
    const found = await Promise.all(Array.from({ length: 20 }, (_, n) => app.read(orderSummaries).get(`o-${n}`)));
    return found.flatMap((each) => each?.document.customerName ?? []);
  };
  await eventually("the views are there", async () => {
    const { projections } = await app.status();
    return [orderSummaries, orderDetails].every(({ name }) => projections.some((p) => p.view === name && p.partitions.length > 0));
  });
  for (let n = 0; n < 6; n++) await happen(app, n);
  const names = ["Name 0", "Name 1", "Name 2", "Name 3", "Name 4", "Name 5"];
  let generation = 1;
  for (const [i, from] of (["events", "log", "events", undefined] as const).entries()) {
    generation += 1;
    assert.deepEqual(await app.rebuild(orderSummaries.name, { from }), { generation });
    assert.deepEqual(await all(), names, String(from));
    // the feeds of this generation go on by Kafka
    await happen(app, 6 + i);
    names.push(`Name ${6 + i}`);
    assert.deepEqual(await all(), names);
  }
  // beside the running process, as the command line does it
  const options = { onProgress: () => undefined, signal: new AbortController().signal };
  assert.deepEqual(await operator(ordersService, environment).rebuild(orderDetails.name, { from: "events", ...options }), {
    generation: 2,
  });
  assert.deepEqual(await operator(ordersService, environment).rebuild(orderDetails.name, { from: "log", ...options }), { generation: 3 });
  await happen(app, 10);
  const refused = { code: "INVALID_SETTING" };
  await assert.rejects(
    operator(ordersService, { ...environment, DATABASE_URL: undefined }).rebuild(orderDetails.name, { from: "events", ...options }),
    refused,
  );
  await assert.rejects(
    operator(ordersService, { ...environment, KAFKA_BROKERS: undefined }).rebuild(orderDetails.name, { from: "log", ...options }),
    refused,
  );
  const projecting = await ordersService.start({ environment: { ...environment, TIDEMARK_ROLES: "projection" } });
  t.after(() => projecting.close());
  await assert.rejects(projecting.rebuild(orderDetails.name, { from: "events" }), refused);
});
