/** MongoDB beyond the contract: settings, documents that it refuses among others that it takes, and a server that is killed while a view is fed. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { MongoClient } from "mongodb";
import { mongodb as mongodbServer, privateMongodb, uniqueName } from "../../test/services.ts";
import { orderSummaries, orderTotals, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import { isTidemarkError } from "../errors.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import type { DocumentRow } from "../runtime/document-store.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStoreContext } from "../runtime/view-store-choice.ts";
import { eventsOf, type Logs } from "../testing/contract/logs.ts";
import { mongodb, mongoDocumentStore } from "./index.ts";

const silent = () => undefined;

function context(environment: ViewStoreContext["environment"]): ViewStoreContext {
  const database = readDatabase();
  return {
    environment,
    prefix: "svc_",
    catalog: (kind) => memoryViewCatalog(database, kind),
    logger: { debug: silent, info: silent, warn: silent, error: silent },
  };
}

test("by its setting, by a URL, or with the caller's database, which stays open", async () => {
  await using database = await (await mongodbServer()).createDatabase(uniqueName());
  assert.equal(await mongodb().open(context({})), null);
  assert.equal(await mongodb().open(context({ MONGODB_URL: "  " })), null);
  const client = new MongoClient(database.url);
  try {
    for (const [choice, environment] of [
      [mongodb(), { MONGODB_URL: database.url }],
      [mongodb(database.url), {}],
      [mongodb({ db: client.db() }), {}],
    ] as const) {
      const store = await choice.open(context(environment));
      assert.ok(store !== null);
      await store.migrate({ ddl: true });
      await store.ensure(orderTotals);
      await store.projection(orderTotals, 1).checkpoints(new Map([["orders", 1]]));
      assert.deepEqual(await store.get(orderTotals, 1, ["x"]), [undefined]);
      assert.deepEqual(
        (await client.db().listCollections().toArray()).map(({ name }) => name),
        ["svc_order_totals_g1"],
      );
      await store.retire(orderTotals, (await store.create(orderTotals)).generation);
      await store.close();
      await client.db().dropDatabase();
    }
    assert.equal((await client.db().command({ ping: 1 }))["ok"], 1, "a client that was handed in stays open");
  } finally {
    await client.close();
  }
});

test("a setting that is no URL, or that the driver cannot read, is named, without a password", async () => {
  for (const url of [
    "localhost:27017",
    "postgres://user:secret@host/db",
    "mongodb://user:secret@host:notaport/db",
    "mongodb://user:secret@/",
  ])
    await assert.rejects(mongodb().open(context({ MONGODB_URL: url })), (error: Error) => {
      assert.ok(isTidemarkError(error, "INVALID_SETTING"), String(error));
      assert.ok(!error.message.includes("secret"), error.message);
      return true;
    });
});

test("a server that is not there is UNAVAILABLE", async () => {
  const client = new MongoClient("mongodb://127.0.0.1:1/x", { serverSelectionTimeoutMS: 50 });
  try {
    const store = documentViewStore(memoryViewCatalog(readDatabase(), "mongodb"), mongoDocumentStore(client.db(), { prefix: "" }));
    await assert.rejects(store.migrate({ ddl: true }), { code: "UNAVAILABLE" });
  } finally {
    await client.close();
  }
});

test("of the rows of one write, each is written, lost or refused by itself", async () => {
  await using database = await (await mongodbServer()).createDatabase(uniqueName());
  const client = new MongoClient(database.url);
  try {
    const generation = mongoDocumentStore(client.db(), { prefix: "" }).generation(orderTotals, 1);
    await generation.prepare();
    const row = (key: string, edition: number, document: DocumentRow["document"]): DocumentRow => ({
      key,
      document,
      version: edition,
      lastUpdated: "2026-01-01T00:00:00.000Z",
      seen: { "orders/0": edition },
      copied: {},
      edition,
    });
    const huge = "x".repeat(17_000_000);
    assert.deepEqual(await generation.own.write([row("a", 1, { n: 1 }), row("b", 1, { n: 1 })]), ["written", "written"]);
    const kinds = (
      await generation.own.write(
        [
          row("a", 1, { n: 9 }),
          row("c", 1, { n: 1 }),
          row("large", 1, { huge }),
          row("b", 2, { n: 2 }),
          row("odd", 1, { $set: 1 }),
          row("a", 3, { n: 9 }),
          row("gone", 1, null),
        ].filter((one, i, all) => all.findIndex(({ key }) => key === one.key) === i),
      )
    ).map((one) => (typeof one === "string" ? one : "refused"));
    assert.deepEqual(kinds, ["lost", "written", "refused", "written", "refused", "written"]);
    assert.deepEqual(await generation.own.write([row("a", 3, { n: 9 })]), ["lost"]);
    const stored = await generation.own.read(["a", "b", "c", "large", "odd", "gone", "never"]);
    assert.deepEqual(
      [...stored.values()].map(({ key, edition, document }) => [key, edition, document] as const).toSorted(([a], [b]) => (a < b ? -1 : 1)),
      [
        ["a", 1, { n: 1 }],
        ["b", 2, { n: 2 }],
        ["c", 1, { n: 1 }],
        ["gone", 1, null],
      ],
    );
  } finally {
    await client.close();
  }
});

test(
  "a server that is killed again and again while a view is fed: nothing acknowledged is lost, nothing is folded twice",
  { timeout: 120_000 },
  async (t) => {
    const server = await privateMongodb();
    const database = await server.createDatabase(uniqueName());
    const options = { serverSelectionTimeoutMS: 10_000, ignoreUndefined: true };
    const client = new MongoClient(database.url, options);
    const catalogue = readDatabase();
    const store = documentViewStore(memoryViewCatalog(catalogue, "mongodb"), mongoDocumentStore(client.db(), { prefix: "" }));
    const partitions = 2;
    const logs = randomLogs(random(4), { partitions, orders: 20, customers: 10, orderEvents: 900, customerEvents: 300 });
    let [applied, unavailable] = [0, 0];
    try {
      await store.migrate({ ddl: true });
      await store.ensure(orderSummaries);
      await store.projection(orderSummaries, 1).checkpoints(new Map(orderSummaries.logs.map((log) => [log, partitions])));
      const progress = new EventTarget();
      const workers = Promise.all(
        orderSummaries.logs.flatMap((log) =>
          Array.from({ length: partitions }, async (_, partition) => {
            const r = random(partition);
            const projection = store.projection(orderSummaries, 1);
            for (;;) {
              try {
                const from = await projection.checkpoint(log, partition);
                if ((await applyNext(projection, from, logs[log as keyof Logs][partition]!, 1 + r.below(12))) === "end") return;
                applied += 1;
                progress.dispatchEvent(new Event("applied"));
              } catch (error) {
                if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
                unavailable += 1;
              }
            }
          }),
        ),
      );
      for (const at of [10, 30, 55]) {
        await new Promise<void>((resolve) => {
          progress.addEventListener("applied", function reached() {
            if (applied < at) return;
            progress.removeEventListener("applied", reached);
            resolve();
          });
        });
        await server.kill();
        await server.start();
      }
      await workers;
      await assertFold(store, orderSummaries, 1, eventsOf(logs));
      assert.ok(unavailable > 0, "the server was missed");
      t.diagnostic(`${applied} batches, ${unavailable} without an answer`);
    } finally {
      await store.close();
      await client.close();
      await server.stop();
    }
  },
);

test("a private copy of references that was dropped is refused by name, by a running worker and a new one, and not made anew", async () => {
  await using database = await (await mongodbServer()).createDatabase(uniqueName());
  const client = new MongoClient(database.url);
  try {
    const catalogue = readDatabase();
    const open = () => documentViewStore(memoryViewCatalog(catalogue, "mongodb"), mongoDocumentStore(client.db(), { prefix: "" }));
    const one = new Map(orderSummaries.logs.map((log) => [log, 1]));
    const store = open();
    await store.migrate({ ddl: true });
    await store.ensure(orderSummaries);
    const projection = store.projection(orderSummaries, 1);
    await projection.checkpoints(one);
    const logs = randomLogs(random(3), { partitions: 1, orders: 4, customers: 2, orderEvents: 12, customerEvents: 4 });
    await applyNext(projection, await projection.checkpoint("customers", 0), logs.customers[0]!, 4);
    const names = async () => (await client.db().listCollections().toArray()).map(({ name }) => name).toSorted();
    const [own, copy] = await names();
    await client.db().dropCollection(copy!);
    const from = await projection.checkpoint("orders", 0);
    await assert.rejects(applyNext(projection, from, logs.orders[0]!, 12), { code: "VIEW_STORE_DIVERGED" });
    await assert.rejects(open().projection(orderSummaries, 1).checkpoints(one), { code: "VIEW_STORE_DIVERGED" });
    assert.deepEqual([await names(), await projection.checkpoint("orders", 0)], [[own], from]);
    // another one in its place
    await client
      .db()
      .collection(copy!)
      .insertOne({ _tidemark: { storage: "another" } });
    await assert.rejects(open().projection(orderSummaries, 1).checkpoints(one), { code: "VIEW_STORE_DIVERGED" });
  } finally {
    await client.close();
  }
});
