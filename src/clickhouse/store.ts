/** ClickHouse as a store of documents that one partition each writes. */
import type { ClickHouseClient } from "@clickhouse/client";
import type { DocumentStore } from "../runtime/document-store.ts";
import { unavailable } from "./errors.ts";
import { clickhouseGeneration } from "./generation.ts";
import { shapeOf } from "./shape.ts";

export const kind = "clickhouse";

export interface ClickHouseStoreOptions {
  readonly prefix: string;
  /** Must be there. */
  readonly database: string;
  /** What closing the store does beside: nothing where the client is the caller's. */
  readonly close?: () => Promise<void>;
}

export function clickhouseDocumentStore(
  client: ClickHouseClient,
  { prefix, database, close = () => Promise.resolve() }: ClickHouseStoreOptions,
): DocumentStore {
  const label = `ClickHouse (database ${database})`;
  return {
    kind,
    label,
    accept(view) {
      shapeOf(view);
    },
    generation: (view, generation) => clickhouseGeneration({ client, database, prefix, label }, view, generation),
    async ping() {
      // the endpoint for pings answers whoever asks; a query needs the user's rights
      const answer = await client.ping({ select: true });
      if (!answer.success) throw unavailable(label, answer.error);
    },
    close,
  };
}
