/**
 * Views in Elasticsearch or OpenSearch: `viewStores: { order_search: elasticsearch() }`. Needs one of the official clients,
 * npm package `@opensearch-project/opensearch` (for OpenSearch and Elasticsearch 7.10) or `@elastic/elasticsearch` (for the Elasticsearch of its major version).
 */
import { TidemarkError } from "../errors.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStoreChoice } from "../runtime/view-store-choice.ts";
import type { SearchClient } from "./client.ts";
import type { IndexSettings } from "./index-access.ts";
import { elasticsearchDocumentStore, kind } from "./store.ts";

export type { SearchClient } from "./client.ts";
export type { IndexSettings } from "./index-access.ts";
export { elasticsearchDocumentStore, type SearchStoreOptions } from "./store.ts";

const setting = "ELASTICSEARCH_URL";

/**
 * Keeps a view's documents in the engine that ELASTICSEARCH_URL names (several nodes: separated by commas), in the one of a URL given, or in that of `client`
 * (either official client; it stays the caller's). Without any of them the view stays in the read database.
 * With a URL, the client that is installed is used; of both, OpenSearch's. `settings` count when an index is made: for the next generation.
 */
export function elasticsearch(from?: string | { readonly client: SearchClient }, settings: IndexSettings = {}): ViewStoreChoice {
  return {
    kind,
    async open({ environment, prefix, catalog }) {
      if (typeof from === "object")
        return documentViewStore(catalog(kind), elasticsearchDocumentStore(from.client, { prefix, ...settings }));
      const url = from ?? environment[setting]?.trim();
      if (url === undefined || url === "") return null;
      const nodes = [...new Set(url.split(",").map(nodeOf))];
      const client = await newClient(nodes);
      const label = `Elasticsearch (${nodes.map((node) => new URL(node).host).join(", ")})`;
      const close = async () => void (await client.close());
      return documentViewStore(catalog(kind), elasticsearchDocumentStore(client, { prefix, label, close, ...settings }));
    },
  };
}

function nodeOf(text: string): string {
  const url = URL.parse(text.trim());
  // the text may hold a password
  if (url === null || !["http:", "https:"].includes(url.protocol))
    throw new TidemarkError("INVALID_SETTING", { setting, problem: "it is not a URL like https://user:password@host:9200" });
  return url.href;
}

async function newClient(nodes: string[]): Promise<SearchClient> {
  try {
    const { Client } = await import("@opensearch-project/opensearch");
    return new Client({ nodes, maxRetries: 1 });
  } catch (error) {
    if (!isMissing(error)) throw error;
  }
  try {
    const { Client } = await import("@elastic/elasticsearch");
    return new Client({ nodes, maxRetries: 1 });
  } catch (cause) {
    if (!isMissing(cause)) throw cause;
    const purpose = "to keep views in Elasticsearch or OpenSearch ('@elastic/elasticsearch' does as well)";
    throw new TidemarkError("MISSING_PACKAGE", { name: "@opensearch-project/opensearch", purpose }, { cause });
  }
}

const isMissing = (error: unknown): boolean => error instanceof Error && (error as NodeJS.ErrnoException).code === "ERR_MODULE_NOT_FOUND";
