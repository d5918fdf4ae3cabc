/** Elasticsearch or OpenSearch as a store of documents. */
import type { DocumentStore } from "../runtime/document-store.ts";
import { type SearchClient, send } from "./client.ts";
import { unavailable } from "./errors.ts";
import { searchGeneration } from "./generation.ts";
import type { IndexSettings } from "./index-access.ts";
import { acceptView } from "./names.ts";

export const kind = "elasticsearch";

export interface SearchStoreOptions extends IndexSettings {
  /** Before the names of all indexes and aliases: lower-case letters, digits, `_`, `-`, `.`. */
  readonly prefix: string;
  /** For messages; without passwords. */
  readonly label?: string;
  /** What closing the store does beside: nothing unless given, as the client is the caller's. */
  readonly close?: () => Promise<void>;
}

export function elasticsearchDocumentStore(client: SearchClient, options: SearchStoreOptions): DocumentStore {
  const { prefix, label = "Elasticsearch", close = () => Promise.resolve(), ...settings } = options;
  return {
    kind,
    label,
    accept: (view) => acceptView(prefix, view),
    generation: (view, generation) => searchGeneration({ client, prefix, label, settings }, view, generation),
    async ping() {
      try {
        await send(client, { method: "GET", path: "/" });
      } catch (error) {
        throw unavailable(label)(error);
      }
    },
    close,
  };
}
