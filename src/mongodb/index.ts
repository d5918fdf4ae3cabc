/** Views in MongoDB: `viewStores: { order_details: mongodb() }`. Needs the official driver, npm package `mongodb`. */
import type { Db } from "mongodb";
import { TidemarkError } from "../errors.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { ViewStoreChoice } from "../runtime/view-store-choice.ts";
import { kind, mongoDocumentStore } from "./store.ts";

export { mongoDocumentStore } from "./store.ts";

/**
 * Keeps a view's documents in MongoDB: in the database that MONGODB_URL names, in the one of `url`, or in `db` (whose client stays the caller's).
 * Without any of them the view stays in the read database. Writes are acknowledged by a majority, reads are the primary's.
 */
export function mongodb(from?: string | { readonly db: Db }): ViewStoreChoice {
  return {
    kind,
    async open({ environment, prefix, catalog }) {
      if (typeof from === "object") return documentViewStore(catalog(kind), mongoDocumentStore(from.db, { prefix }));
      const url = from ?? environment["MONGODB_URL"]?.trim();
      if (url === undefined || url === "") return null;
      const { MongoClient } = await driver();
      const refuse = (problem: string) => new TidemarkError("INVALID_SETTING", { setting: "MONGODB_URL", problem });
      if (!/^mongodb(\+srv)?:\/\//.test(url)) throw refuse("it is not a URL like mongodb://user:password@host:27017/database");
      let client;
      try {
        client = new MongoClient(url, { ignoreUndefined: true, serverSelectionTimeoutMS: 5_000 });
      } catch {
        // the driver's message may quote the URL, and with it a password: it is no cause either
        throw new TidemarkError("INVALID_SETTING", { setting: "MONGODB_URL", problem: "the driver cannot read it" });
      }
      return documentViewStore(catalog(kind), mongoDocumentStore(client.db(), { prefix, close: () => client.close() }));
    },
  };
}

async function driver(): Promise<typeof import("mongodb")> {
  try {
    return await import("mongodb");
  } catch (cause) {
    throw new TidemarkError("MISSING_PACKAGE", { name: "mongodb", purpose: "to keep views in MongoDB" }, { cause });
  }
}
