/** MongoDB as a store of documents. */
import type { Db } from "mongodb";
import type { DocumentStore } from "../runtime/document-store.ts";
import { unavailable } from "./errors.ts";
import { mongoGeneration } from "./generation.ts";
import { acceptView } from "./names.ts";

export const kind = "mongodb";

/** `close` is what closing the store does beside: nothing where the client is the caller's. */
export function mongoDocumentStore(
  db: Db,
  { prefix, close = () => Promise.resolve() }: { readonly prefix: string; readonly close?: () => Promise<void> },
): DocumentStore {
  const label = `MongoDB (database ${db.databaseName})`;
  return {
    kind,
    label,
    accept: acceptView,
    generation: (view, generation) => mongoGeneration({ db, prefix, label }, view, generation),
    async ping() {
      try {
        await db.command({ ping: 1 });
      } catch (error) {
        throw unavailable(label)(error);
      }
    },
    close,
  };
}
