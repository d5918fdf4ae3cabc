/** The search engines and official clients that views are kept with in tests. */
import { Client as OpenSearchClient } from "@opensearch-project/opensearch";
import { elasticsearchDocumentStore, type IndexSettings, type SearchClient } from "../src/elasticsearch/index.ts";
import { type MemoryViewCatalog, memoryViewCatalog, readDatabase } from "../src/memory/index.ts";
import type { DocumentStore } from "../src/runtime/document-store.ts";
import { documentViewStore } from "../src/runtime/document-view-store.ts";
import type { ViewStore } from "../src/runtime/ports.ts";
import { elasticsearch, opensearch } from "./services.ts";
import { oldElasticsearch } from "./services/old-elasticsearch.ts";

export interface SearchUnderTest {
  readonly client: SearchClient;
  readonly url: string;
  readonly prefix: string;
  readonly documents: DocumentStore;
  /** Another process's store on the same indexes and the same catalogue. */
  open(): { readonly store: ViewStore; readonly catalog: MemoryViewCatalog };
  [Symbol.asyncDispose](): Promise<void>;
}

export const openSearchClient = (node: string): SearchClient => new OpenSearchClient({ node });

/** With a corner of its own, which goes when it is disposed of. */
export const searchEngines: Readonly<Record<string, (settings?: IndexSettings) => Promise<SearchUnderTest>>> = {
  "OpenSearch": (settings) => corner(opensearch, openSearchClient, settings),
  "Elasticsearch 7.10 with OpenSearch's client": (settings) => corner(elasticsearch, openSearchClient, settings),
  "Elasticsearch 7.10 with its own client": (settings) => corner(elasticsearch, oldElasticsearch, settings),
};

async function corner(
  server: typeof opensearch,
  connect: (node: string) => SearchClient,
  settings: IndexSettings = {},
): Promise<SearchUnderTest> {
  const own = (await server()).createPrefix();
  const client = connect(own.url);
  return searchUnderTest(client, own.url, own.name, settings, async () => {
    await own.drop();
    await client.close();
  });
}

export function searchUnderTest(
  client: SearchClient,
  url: string,
  prefix: string,
  settings: IndexSettings,
  dispose: () => Promise<void>,
): SearchUnderTest {
  const database = readDatabase();
  const documents = elasticsearchDocumentStore(client, { prefix, ...settings });
  return {
    client,
    url,
    prefix,
    documents,
    open() {
      const catalog = memoryViewCatalog(database, documents.kind);
      return { store: documentViewStore(catalog, documents), catalog };
    },
    [Symbol.asyncDispose]: dispose,
  };
}
