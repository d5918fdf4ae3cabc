/** Views in ClickHouse: `viewStores: { daily_order_stats: clickhouse() }`. Needs the official client, npm package `@clickhouse/client`. */
import type { ClickHouseClient } from "@clickhouse/client";
import { TidemarkError } from "../errors.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStoreChoice } from "../runtime/view-store-choice.ts";
import { clickhouseDocumentStore, kind } from "./store.ts";

export { clickhouseDocumentStore, type ClickHouseStoreOptions } from "./store.ts";

/**
 * Keeps a view's documents in ClickHouse: in the database that CLICKHOUSE_URL names, in the one of `url`, or by a client of the caller's (which stays the caller's;
 * one of the embedded engine too) in `database`, "default" unless given. Without any of them the view stays in the read database. The database must be there.
 */
export function clickhouse(from?: string | { readonly client: ClickHouseClient; readonly database?: string }): ViewStoreChoice {
  return {
    kind,
    async open({ environment, prefix, catalog }) {
      if (typeof from === "object")
        return documentViewStore(
          catalog(kind),
          clickhouseDocumentStore(from.client, { prefix, database: from.database ?? defaultDatabase }),
        );
      const url = from ?? environment["CLICKHOUSE_URL"]?.trim();
      if (url === undefined || url === "") return null;
      const database = databaseOf(url);
      const { ClickHouseLogLevel, createClient } = await driver();
      let client: ClickHouseClient;
      try {
        // what fails is told by this store's errors; the client would also print every statement that a server refuses
        client = createClient({ url, log: { level: ClickHouseLogLevel.OFF } });
      } catch {
        // the client's message may quote the URL, and with it a password: it is no cause either
        throw new TidemarkError("INVALID_SETTING", { setting: "CLICKHOUSE_URL", problem: "the client cannot read it" });
      }
      return documentViewStore(catalog(kind), clickhouseDocumentStore(client, { prefix, database, close: () => client.close() }));
    },
  };
}

const defaultDatabase = "default";

/** @throws INVALID_SETTING */
function databaseOf(url: string): string {
  if (!/^https?:\/\//.test(url) || !URL.canParse(url))
    throw new TidemarkError("INVALID_SETTING", {
      setting: "CLICKHOUSE_URL",
      problem: "it is not a URL like https://user:password@host:8443/database",
    });
  return decodeURIComponent(new URL(url).pathname.slice(1)) || defaultDatabase;
}

async function driver(): Promise<typeof import("@clickhouse/client")> {
  try {
    return await import("@clickhouse/client");
  } catch (cause) {
    throw new TidemarkError("MISSING_PACKAGE", { name: "@clickhouse/client", purpose: "to keep views in ClickHouse" }, { cause });
  }
}
