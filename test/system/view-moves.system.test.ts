/** A view moves from one kind of store to another by one line of configuration: a process with the new line fills it there while the old one answers. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { MongoClient } from "mongodb";
import { type App, service, type Token } from "tidemark";
import { mongodb } from "tidemark/mongodb";
import { customers, orders } from "../../examples/orders/domain.ts";
import { orderDetails, orderSummaries } from "../../examples/orders/views.ts";
import { eventually } from "../memory-world.ts";
import { mongodb as mongodbServer, postgres } from "../services.ts";
import { silent } from "../write-side.ts";

const definition = { name: "orders", aggregates: [customers, orders], views: [orderDetails, orderSummaries] };
const inPostgres = service(definition);
const inMongodb = service({ ...definition, viewStores: { order_details: mongodb() } });
const limitMs = 60_000;
const item = { productId: "p-1", name: "Coffee", quantity: 2, unitPrice: "6.25" };

interface Written {
  readonly orderId: string;
  readonly token: Token;
}

async function order(app: App, orderId: string): Promise<Written> {
  const outcome = await app.execute(orders.commands.CreateOrder(orderId, { customerId: "c-1", items: [item] }));
  assert.ok(outcome.accepted);
  return { orderId, token: outcome.token };
}
const details = async (app: App, { orderId, token }: Written) =>
  (await app.read(orderDetails, { token, waitMs: 30_000 }).get(orderId))?.document;
const read = (app: App, all: readonly Written[]) => Promise.all(all.map((each) => details(app, each)));

/** Which generation of `order_details` is the live one, and in how many. */
async function live(app: App): Promise<number | undefined> {
  const { projections } = await app.status();
  return projections.find(({ view, state }) => view === "order_details" && state === "live")?.generation;
}

async function servers(t: TestContext) {
  const server = await postgres();
  const [write, read, mongo] = await Promise.all([
    server.createDatabase(),
    server.createDatabase(),
    (await mongodbServer()).createDatabase(),
  ]);
  const client = new MongoClient(mongo.url);
  const apps = new Set<App>();
  t.after(async () => {
    await Promise.all([...apps].map((app) => app.close()));
    await client.close();
    await Promise.all([write.drop(), read.drop(), mongo.drop()]);
  });
  const environment = { DATABASE_URL: write.url, READ_DATABASE_URL: read.url, MONGODB_URL: mongo.url };
  return {
    client,
    async start(definition: typeof inPostgres) {
      const app = await definition.start({ environment, logger: silent });
      apps.add(app);
      return app;
    },
    async stop(app: App) {
      apps.delete(app);
      await app.close();
    },
  };
}

test("order_details moves from PostgreSQL to MongoDB and back, and is answered all the time", async (t) => {
  const { client, start, stop } = await servers(t);
  const documents = async () => {
    const collections = await client.db().listCollections({}, { nameOnly: true }).toArray();
    const counts = await Promise.all(
      collections.map(({ name }) =>
        client
          .db()
          .collection(name)
          .countDocuments({ orderId: { $exists: true }, history: { $exists: true } }),
      ),
    );
    return counts.reduce((sum, count) => sum + count, 0);
  };
  const old = await start(inPostgres);
  assert.ok((await old.execute(customers.commands.RegisterCustomer("c-1", { name: "Ann", email: "ann@example.org" }))).accepted);
  const written = await Promise.all(Array.from({ length: 200 }, (_, i) => order(old, `o-${i}`)));
  const first = await live(old);

  // writes and reads of the old process go on until the new one answers
  const next = await start(inMongodb);
  let reads = 0;
  await eventually(
    "the new process has filled MongoDB and switched",
    async () => {
      const fresh = await order(old, `during-${reads}`);
      written.push(fresh);
      assert.equal((await details(old, fresh))?.total, 1_250);
      reads += 1;
      return (await live(next)) !== first;
    },
    limitMs,
  );
  assert.ok(reads > 0);
  t.diagnostic(`${reads} orders were written and read in the old process while the new one filled MongoDB`);

  // both feed and answer their own store now, each all of it
  written.push(await order(old, "by-the-old"), await order(next, "by-the-new"));
  const there = await read(next, written);
  assert.deepEqual(there, await read(old, written));
  assert.ok(there.every((each) => each?.customer.name === "Ann"));
  assert.equal(await documents(), written.length);
  await stop(old);

  // only MongoDB's is fed: what happened meanwhile is caught up with when it moves back
  const renamed = await next.execute(customers.commands.RenameCustomer("c-1", { name: "Anne" }));
  assert.ok(renamed.accepted);
  written.push({ ...(await order(next, "alone")), token: renamed.token });
  assert.equal((await details(next, { orderId: "o-0", token: renamed.token }))?.customer.name, "Anne");
  const before = await live(next);
  const back = await start(inPostgres);
  const last = await order(next, "last");
  written.push(last);
  // the token of an order says nothing of the customers' log
  assert.equal((await details(back, { orderId: "o-0", token: renamed.token }))?.customer.name, "Anne");
  assert.deepEqual(await read(next, [last]), await read(back, [last]));
  const { generation } = await back.rebuild("order_details");
  assert.notEqual(generation, before);
  assert.equal(await live(back), generation);
  const all = written.map(({ orderId }) => ({ orderId, token: renamed.token }));
  const again = await read(back, all);
  assert.ok(again.every((each) => each?.customer.name === "Anne"));
  assert.deepEqual(again, await read(next, all));
  await stop(next);
  const after = await order(back, "after");
  assert.equal((await details(back, after))?.orderId, "after");
});
