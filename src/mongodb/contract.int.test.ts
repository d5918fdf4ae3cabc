/** The contract of view stores on a real server: documents in MongoDB, generations and checkpoints in a catalogue. */
import { MongoClient } from "mongodb";
import { mongodb, uniqueName } from "../../test/services.ts";
import { memoryViewCatalog, type ReadDatabase, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStore } from "../runtime/ports.ts";
import { allFeatures, type ContractWorld, lacks, type Steps, viewStoreContract } from "../testing/view-store-contract.ts";
import { kind, mongoDocumentStore } from "./store.ts";

viewStoreContract("MongoDB", {
  async open(): Promise<ContractWorld> {
    const server = await mongodb();
    const database = await server.createDatabase(uniqueName());
    const client = new MongoClient(database.url, { ignoreUndefined: true });
    const open = async (catalogue: ReadDatabase, prefix: string, steps?: Steps): Promise<ViewStore> => {
      const [catalog, rows] = [memoryViewCatalog(catalogue, kind), mongoDocumentStore(client.db(), { prefix })];
      const store =
        steps === undefined ? documentViewStore(catalog, rows) : documentViewStore(steps.catalog(catalog), steps.documents(rows));
      await store.migrate({ ddl: true });
      return store;
    };
    const catalogue = readDatabase();
    return {
      store: (steps) => open(catalogue, "a_", steps),
      neighbour: () => open(readDatabase(), "b_"),
      loseStorage: async () => void (await client.db().dropDatabase()),
      async close() {
        await client.close();
        await database.drop();
      },
    };
  },
  features: allFeatures({
    search: lacks("MongoDB's text index matches whole words of one language only; Elasticsearch, OpenSearch and PostgreSQL search"),
    rollups: lacks("a group and its documents are not written in one step; PostgreSQL and ClickHouse keep rollups"),
  }),
});
