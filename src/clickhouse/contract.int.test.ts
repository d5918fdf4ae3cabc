/** The contract of view stores on ClickHouse, a server and the engine in this process. */
import { clickhouseClient } from "../../test/services.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import { allFeatures, lacks, viewStoreContract } from "../testing/view-store-contract.ts";
import { clickhouseDocumentStore } from "./index.ts";

for (const kind of ["server", "embedded"] as const) {
  viewStoreContract(`ClickHouse, ${kind}`, {
    async open() {
      const { client, database, close } = await clickhouseClient(kind);
      const catalogue = readDatabase();
      const documents = clickhouseDocumentStore(client, { prefix: "a_", database });
      return {
        async store(steps) {
          const catalog = memoryViewCatalog(catalogue, "clickhouse");
          const store =
            steps === undefined
              ? documentViewStore(catalog, documents)
              : documentViewStore(steps.catalog(catalog), steps.documents(documents));
          await store.migrate({ ddl: true });
          return store;
        },
        async neighbour() {
          const store = documentViewStore(
            memoryViewCatalog(readDatabase(), "clickhouse"),
            clickhouseDocumentStore(client, { prefix: "b_", database }),
          );
          await store.migrate({ ddl: true });
          return store;
        },
        async loseStorage() {
          const answer = await client.query({
            query: `select name from system.tables where database = '${database}'`,
            format: "JSONCompact",
          });
          for (const [name] of (await answer.json<[string]>()).data) await client.command({ query: `drop table ${database}.${name} sync` });
        },
        close,
      };
    },
    // the same rows and statements twice: each kind gets other histories
    rounds: kind === "server" ? 2 : 1,
    seed: kind === "server" ? 1 : 11,
    features: allFeatures({
      sharedKeys: lacks("ClickHouse has no conditional writes"),
      references: lacks("ClickHouse has no conditional writes"),
      search: lacks("ClickHouse is there for numbers"),
    }),
  });
}
