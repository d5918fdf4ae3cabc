/** How fast a view is rebuilt in MongoDB, beside the driver's own bulk write of the documents that come of it. */
import { MongoClient } from "mongodb";
import type { LogEvent } from "../../src/core/message.ts";
import { memoryViewCatalog, readDatabase } from "../../src/memory/index.ts";
import { mongoDocumentStore } from "../../src/mongodb/index.ts";
import { documentViewStore } from "../../src/runtime/document-view-store.ts";
import type { Checkpoint, ViewProjection } from "../../src/runtime/ports.ts";
import { mongodb } from "../../test/services.ts";
import { logWriter, orderTotals } from "../../test/view-domain.ts";
import { applyNext } from "../../test/view-stores.ts";
import type { Benchmark, Run, RunContext } from "../benchmark.ts";
import { fillByLoad } from "../setup/fill-by-load.ts";

const batch = 500;

export default {
  name: "store-mongodb",
  title:
    "documents/s into MongoDB: a view (an event a document, one index) by batches of 500 events and by the bulk load of a rebuild, and the same documents by the driver's bulkWrite, 500 at a time",
  cases({ quick }) {
    const documents = quick ? 5_000 : 20_000;
    return [
      {
        name: `${documents.toLocaleString("en")} documents`,
        against: "driver's bulkWrite",
        contenders: [
          { name: "Tidemark, apply", run: (context) => filledBy(byApply, context, documents) },
          { name: "Tidemark, bulk load", run: (context) => filledBy(byLoad, context, documents) },
          { name: "driver's bulkWrite", run: (context) => written(context, documents) },
        ],
        goals: ["Tidemark, apply", "Tidemark, bulk load"].map((of) => ({
          row: `documents/s of a store's own bulk rate, ${of}`,
          of,
          against: "driver's bulkWrite",
          atLeast: 0.6,
        })),
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

type Filling = (projection: ViewProjection, start: Checkpoint, log: readonly LogEvent[]) => Promise<void>;

const byApply: Filling = async (projection, start, log) => {
  for (let from = start; from.position < log.length; from = await projection.checkpoint("orders", 0)) {
    if ((await applyNext(projection, from, log, batch)) !== "applied") throw new Error("a batch was not applied");
  }
};

const byLoad: Filling = (projection, start, log) => fillByLoad(projection, [start], [log]);

const filledBy = (filling: Filling, context: RunContext, documents: number): Promise<Run> =>
  withDatabase(async (client) => {
    const store = documentViewStore(memoryViewCatalog(readDatabase(), "mongodb"), mongoDocumentStore(client.db(), { prefix: "" }));
    const log = logWriter("orders", 1);
    for (let i = 0; i < documents; i++) log.add(`order-${i}`, "Created", { customerId: `customer-${i % 1_000}` });
    await store.migrate({ ddl: true });
    await store.ensure(orderTotals);
    const projection = store.projection(orderTotals, 1);
    const [start] = await projection.checkpoints(new Map([["orders", 1]]));
    const { seconds } = await context.measured(() => filling(projection, start!, log.byPartition[0]!));
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
