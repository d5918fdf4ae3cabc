/** The contract of view stores on real servers: documents in the engine, generations and checkpoints in a catalogue. */
import { openSearchClient } from "../../test/search-engines.ts";
import { elasticsearch, opensearch } from "../../test/services.ts";
import { oldElasticsearch } from "../../test/services/old-elasticsearch.ts";
import { memoryViewCatalog, type ReadDatabase, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStore } from "../runtime/ports.ts";
import { allFeatures, type ContractWorld, lacks, type Steps, viewStoreContract } from "../testing/view-store-contract.ts";
import type { SearchClient } from "./client.ts";
import { elasticsearchDocumentStore, kind } from "./store.ts";

async function world(server: typeof opensearch, connect: (node: string) => SearchClient): Promise<ContractWorld> {
  const corner = (await server()).createPrefix();
  const client = connect(corner.url);
  const open = async (catalogue: ReadDatabase, prefix: string, steps?: Steps): Promise<ViewStore> => {
    const [catalog, rows] = [memoryViewCatalog(catalogue, kind), elasticsearchDocumentStore(client, { prefix: corner.name + prefix })];
    const store = steps === undefined ? documentViewStore(catalog, rows) : documentViewStore(steps.catalog(catalog), steps.documents(rows));
    await store.migrate({ ddl: true });
    return store;
  };
  const catalogue = readDatabase();
  return {
    store: (steps) => open(catalogue, "a-", steps),
    neighbour: () => open(readDatabase(), "b-"),
    loseStorage: () => corner.drop(),
    async close() {
      await client.close();
      await corner.drop();
    },
  };
}

const features = allFeatures({
  rollups: lacks("a group and its documents are not written in one step; PostgreSQL and ClickHouse keep rollups"),
});

viewStoreContract("OpenSearch", { open: () => world(opensearch, openSearchClient), features, rounds: 1 });
viewStoreContract("Elasticsearch 7.10", { open: () => world(elasticsearch, oldElasticsearch), features, rounds: 1 });
