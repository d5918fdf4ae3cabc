/** View stores on real databases for tests, and what tests do with all of them. */
import { pgliteDatabase } from "../src/postgres/pglite-database.ts";
import { postgresDatabase } from "../src/postgres/postgres-database.ts";
import type { Database } from "../src/postgres/sql.ts";
import { postgresViewStore } from "../src/postgres/view-store.ts";
import type { ViewStore } from "../src/runtime/ports.ts";
import { postgres, type TestDatabase } from "./services.ts";

export { after, allDocuments, applyAll, applyNext, assertFold, feedLive } from "../src/testing/contract/feed.ts";

export interface StoreUnderTest {
  readonly store: ViewStore;
  readonly database: Database;
  /** Another process's store on the same tables; null on PGlite, which has one process. */
  second(): Promise<StoreUnderTest> | null;
  /** Clients do not matter on PGlite. */
  readonly server: TestDatabase | null;
  [Symbol.asyncDispose](): Promise<void>;
}

const schema = "views";

export async function postgresStore(): Promise<StoreUnderTest> {
  const server = await (await postgres()).createDatabase();
  const first = openStore(server.url, server);
  await first.store.migrate({ ddl: true });
  return {
    ...first,
    async [Symbol.asyncDispose]() {
      await first[Symbol.asyncDispose]();
      await server.drop();
    },
  };
}

/** On tables that are there. */
export function openStore(url: string, server: TestDatabase | null = null): StoreUnderTest {
  const database = postgresDatabase(url, { schema, poolSize: 4 });
  const store = postgresViewStore(database, { schema });
  return {
    store,
    database,
    server,
    second: () => Promise.resolve(openStore(url)),
    async [Symbol.asyncDispose]() {
      await store.close();
      await database.close();
    },
  };
}

export async function pgliteStore(): Promise<StoreUnderTest> {
  const database = await pgliteDatabase(undefined, { schema });
  const store = postgresViewStore(database, { schema });
  await store.migrate({ ddl: true });
  return {
    store,
    database,
    server: null,
    second: () => null,
    async [Symbol.asyncDispose]() {
      await store.close();
      await database.close();
    },
  };
}

export const engines = { postgres: postgresStore, pglite: pgliteStore } as const;

/** How much a bulk load keeps of what it wrote. */
export const kept = (documents: number) => ({ keep: { documents, bytes: 1_000_000 } });
