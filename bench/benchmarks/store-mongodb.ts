/** How fast a view is rebuilt in MongoDB, beside the driver's own bulk write of the documents that come of it. */
import { MongoClient } from "mongodb";
import { memoryViewCatalog, readDatabase } from "../../src/memory/index.ts";
import { mongoDocumentStore } from "../../src/mongodb/index.ts";
import { documentViewStore } from "../../src/runtime/document-view-store.ts";
import { mongodb } from "../../test/services.ts";
import { logWriter, orderTotals } from "../../test/view-domain.ts";
import { applyNext } from "../../test/view-stores.ts";
import type { Benchmark, Run, RunContext } from "../benchmark.ts";

const batch = 500;

export default {
  name: "store-mongodb",
  title:
    "documents/s into MongoDB: a rebuild of a view (an event a document, one index) by batches of 500, and the same documents by the driver's bulkWrite",
  cases({ quick }) {
    const documents = quick ? 5_000 : 20_000;
    return [
      {
        name: `${documents.toLocaleString("en")} documents`,
        against: "driver's bulkWrite",
        contenders: [
          { name: "Tidemark", run: (context) => rebuilt(context, documents) },
          { name: "driver's bulkWrite", run: (context) => written(context, documents) },
        ],
        goals: [{ row: "documents/s of a store's own bulk rate", of: "Tidemark", against: "driver's bulkWrite", atLeast: 0.6 }],
      },
    ];
  },
} satisfies Benchmark;

async function withDatabase<T>(work: (client: MongoClient) => Promise<T>): Promise<T> {
  const database = await (await mongodb()).createDatabase();
  const client = new MongoClient(database.url, { ignoreUndefined: true });
  try {
    return await work(client);
  } finally {
    await client.close();
    await database.drop();
  }
}

const rebuilt = (context: RunContext, documents: number): Promise<Run> =>
  withDatabase(async (client) => {
    const store = documentViewStore(memoryViewCatalog(readDatabase(), "mongodb"), mongoDocumentStore(client.db(), { prefix: "" }));
    const log = logWriter("orders", 1);
    for (let i = 0; i < documents; i++) log.add(`order-${i}`, "Created", { customerId: `customer-${i % 1_000}` });
    await store.migrate({ ddl: true });
    await store.ensure(orderTotals);
    const projection = store.projection(orderTotals, 1);
    await projection.checkpoints(new Map([["orders", 1]]));
    const { seconds } = await context.measured(async () => {
      for (
        let from = await projection.checkpoint("orders", 0);
        from.position < documents;
        from = await projection.checkpoint("orders", 0)
      ) {
        if ((await applyNext(projection, from, log.byPartition[0]!, batch)) !== "applied") throw new Error("a batch was not applied");
      }
    });
    const stored = await client.db().collection("order_totals_g1").countDocuments({ count: 0 });
    if (stored !== documents) throw new Error(`${stored} documents of ${documents} are stored`);
    await store.close();
    return { figures: { "documents/s": documents / seconds }, operations: documents, notes: { batch } };
  });

const written = (context: RunContext, documents: number): Promise<Run> =>
  withDatabase(async (client) => {
    const collection = client.db().collection<{ readonly _id: string }>("raw", { writeConcern: { w: "majority" } });
    await collection.createIndex({ count: 1 });
    const made = Array.from({ length: documents }, (_, i) => ({
      _id: `order-${i}`,
      count: 0,
      paid: false,
      customerId: `customer-${i % 1_000}`,
    }));
    const { seconds } = await context.measured(async () => {
      for (let from = 0; from < documents; from += batch) {
        const operations = made.slice(from, from + batch).map((document) => ({ insertOne: { document } }));
        await collection.bulkWrite(operations, { ordered: false });
      }
    });
    const stored = await collection.countDocuments({ count: 0 });
    if (stored !== documents) throw new Error(`${stored} documents of ${documents} are stored`);
    return { figures: { "documents/s": documents / seconds }, operations: documents, notes: { batch } };
  });
