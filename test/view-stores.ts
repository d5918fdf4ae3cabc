/** View stores on real databases for tests, and what tests do with all of them. */
import assert from "node:assert/strict";
import type { AnyView } from "../src/core/definition.ts";
import type { LogEvent } from "../src/core/message.ts";
import { freshFold } from "../src/memory/view-fold.ts";
import { pgliteDatabase } from "../src/postgres/pglite-database.ts";
import { postgresDatabase } from "../src/postgres/postgres-database.ts";
import type { Database } from "../src/postgres/sql.ts";
import { postgresViewStore } from "../src/postgres/view-store.ts";
import type { Checkpoint, StoredDocument, ViewProjection, ViewStore } from "../src/runtime/ports.ts";
import { postgres, type TestDatabase } from "./services.ts";

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

/** The live generation's projection, with its checkpoints made. */
export async function feedLive(store: ViewStore, view: AnyView, partitions: number): Promise<ViewProjection> {
  const { generations } = await store.ensure(view);
  const projection = store.projection(view, generations.at(-1)!.generation);
  await projection.checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  return projection;
}

export const after = (from: Checkpoint, events: readonly LogEvent[]): Checkpoint => ({
  ...from,
  position: events.at(-1)!.position,
  eventId: events.at(-1)!.id,
  logId: `id of ${from.log}`,
  hint: String(events.at(-1)!.position),
});

/** How much a bulk load keeps of what it wrote. */
export const kept = (documents: number) => ({ keep: { documents, bytes: 1_000_000 } });

/** Applies what follows the checkpoint, at most `limit` events. */
export async function applyNext(
  projection: ViewProjection,
  from: Checkpoint,
  events: readonly LogEvent[],
  limit: number,
): Promise<"applied" | "moved" | "end"> {
  const batch = events.slice(from.position, from.position + limit);
  return batch.length === 0 ? "end" : projection.apply(from, after(from, batch), batch);
}

export async function applyAll(
  projection: ViewProjection,
  log: string,
  partitions: readonly (readonly LogEvent[])[],
  limit: number,
): Promise<void> {
  for (const [partition, events] of partitions.entries()) {
    let from = await projection.checkpoint(log, partition);
    while (from.position < events.length) {
      assert.equal(await applyNext(projection, from, events, limit), "applied");
      from = await projection.checkpoint(log, partition);
    }
  }
}

export async function allDocuments(
  store: ViewStore,
  view: AnyView,
  generation: number,
  keys: readonly string[],
): Promise<Map<string, StoredDocument>> {
  const found = await store.get(view, generation, keys);
  return new Map(keys.flatMap((key, i): [string, StoredDocument][] => (found[i] === undefined ? [] : [[key, found[i]]])));
}

/** Documents, versions and times are those of a fresh fold, and there are no others. */
export async function assertFold(store: ViewStore, view: AnyView, generation: number, events: readonly LogEvent[]): Promise<void> {
  const expected = freshFold(view, events);
  const keys = [...new Set(events.flatMap((event) => view.keys(event)))];
  const found = await allDocuments(store, view, generation, keys);
  const page = await store.find(view, generation, { where: {}, order: [], limit: keys.length + 1 });
  assert.equal(page.items.length, expected.size, `number of documents of ${view.name}`);
  assert.deepEqual([...found.keys()].sort(), [...expected.keys()].sort());
  for (const [key, { document, version, lastUpdated }] of expected) {
    const stored = found.get(key)!;
    // as JSON: a member that is undefined is none
    assert.deepEqual(stored.document, JSON.parse(JSON.stringify(document)), `${view.name} ${key}`);
    assert.deepEqual([stored.version, stored.lastUpdated], [version, lastUpdated], `${view.name} ${key}`);
  }
}
