/** The contract of view stores on memory: the store with transactions, and documents without any under the shared logic. */
import { documentViewStore } from "../runtime/document-view-store.ts";
import { allFeatures, lacks, viewStoreContract } from "../testing/view-store-contract.ts";
import { type DocumentDatabase, memoryDocumentStore } from "./document-store.ts";
import { readDatabase } from "./read-database.ts";
import { memoryViewCatalog } from "./view-catalog.ts";
import { memoryViewStore } from "./view-store.ts";

viewStoreContract("memory", {
  open() {
    const database = readDatabase();
    return Promise.resolve({
      async store(steps) {
        const store = memoryViewStore(database);
        await store.migrate({ ddl: true });
        if (steps === undefined) return store;
        return {
          ...store,
          projection(view, generation) {
            const projection = store.projection(view, generation);
            return { ...projection, apply: (...batch) => steps.around("apply", () => projection.apply(...batch)) };
          },
        };
      },
      close: () => Promise.resolve(),
    });
  },
  features: allFeatures({
    prefixes: lacks("each service has a database of its own"),
    lostStorage: lacks("documents and checkpoints are one"),
  }),
});

viewStoreContract("documents in memory", {
  open() {
    const database = readDatabase();
    const documents: DocumentDatabase = new Map();
    return Promise.resolve({
      async store(steps) {
        const [catalog, rows] = [memoryViewCatalog(database, "documents"), memoryDocumentStore(documents)];
        const store =
          steps === undefined ? documentViewStore(catalog, rows) : documentViewStore(steps.catalog(catalog), steps.documents(rows));
        await store.migrate({ ddl: true });
        return store;
      },
      loseStorage() {
        documents.clear();
        return Promise.resolve();
      },
      close: () => Promise.resolve(),
    });
  },
  features: allFeatures({
    rollups: lacks("it is there to show how documents are kept"),
    prefixes: lacks("each service has a database of its own"),
  }),
});
