/** The view store in memory: one handle for each "process", on a database that they share. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { find } from "../runtime/find-in-memory.ts";
import type { KnownEnd, ViewStatus, ViewStore } from "../runtime/ports.ts";
import { search } from "../runtime/search-in-memory.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import { partitionKey, type ReadDatabase } from "./read-database.ts";
import { read, readAll } from "./view-documents.ts";
import { viewGenerations } from "./view-generations.ts";
import { viewProjection } from "./view-projection.ts";

export interface MemoryViewStore extends ViewStore {
  readonly database: ReadDatabase;
  readonly faults: Faults;
  /** The process is gone: whatever it still tries fails and has no effect; what it owned is another's. */
  kill(): void;
}

const kind = "memory";

export function memoryViewStore(database: ReadDatabase, { faults }: { readonly faults?: Faults } = {}): MemoryViewStore {
  const own = handle("The view store", faults);
  const readable = (view: AnyView, generation: number) => {
    const found = database.of(view).get(generation);
    if (found === undefined || found.about.state === "retired")
      throw new TidemarkError("GENERATION_MOVED", { view: view.name, generation });
    return found.documents;
  };
  const endsOf = (view: AnyView) => [...database.ends.values()].filter(({ log }) => view.logs.includes(log));

  return {
    name: kind,
    database,
    faults: own.faults,
    migrate({ ddl }) {
      if (!database.migrated && !ddl)
        return Promise.reject(new TidemarkError("SCHEMA_OUTDATED", { database: "views", found: 0, expected: 1 }));
      database.migrated = true;
      return Promise.resolve();
    },
    accept() {
      // there is nothing that memory cannot keep
    },
    ...viewGenerations(database, own, kind),
    projection: (view, generation) => viewProjection(database, own, view, generation),
    get: (view, generation, keys) =>
      own.run("get", { view: view.name, generation, keys }, () => {
        const documents = readable(view, generation);
        const groups = view.rollup === undefined ? undefined : readAll(view, documents);
        return keys.map((key) => (groups === undefined ? read(view, documents, key) : groups.get(key)));
      }),
    find: (view, generation, query) =>
      own.run("find", { view: view.name, generation }, () => {
        const documents = readable(view, generation);
        return find(view, readAll(view, documents), query);
      }),
    search: (view, generation, query) =>
      own.run("find", { view: view.name, generation }, () => search(view, readAll(view, readable(view, generation)), query)),
    status: (views) => own.run("status", { views: views.map((view) => view.name) }, () => views.map((view) => statusOf(view))),
    recordEnds: (ends, views) =>
      own.run("recordEnds", {}, () => {
        const at = database.now();
        for (const { log, partition, position } of ends) {
          const key = partitionKey(log, partition);
          database.ends.set(key, { log, partition, position: Math.max(position, database.ends.get(key)?.position ?? 0), at });
        }
        for (const view of views) {
          const known = endsOf(view);
          if (!view.logs.every((log) => known.some((end) => end.log === log))) continue;
          const asOf = Math.min(...known.map((end) => end.at));
          for (const [generation, stored] of database.of(view)) {
            if (
              stored.about.state === "retired" ||
              !known.every(
                (end) => (stored.checkpoints.get(partitionKey(end.log, end.partition))?.checkpoint.position ?? 0) >= end.position,
              )
            )
              continue;
            database.of(view).set(generation, { ...stored, caughtUpAt: Math.max(stored.caughtUpAt ?? 0, asOf) });
          }
        }
      }),
    onCheckpoint: (callback) =>
      Promise.resolve(
        database.checkpointMoved.on((moved) => {
          if (!own.dead.aborted) callback(moved);
        }),
      ),
    onGenerations: (callback) =>
      Promise.resolve(
        database.generationsChanged.on(() => {
          if (!own.dead.aborted) callback();
        }),
      ),
    withOwnership: (name, stop, run) => database.ownership.withOwnership(own.dead, name, stop, run),
    kill: own.kill,
    close() {
      own.close();
      return Promise.resolve();
    },
  };

  function statusOf(view: AnyView): ViewStatus {
    const now = database.now();
    const generations = [...database.of(view).values()];
    return {
      view: view.name,
      store: kind,
      generations: generations.map(({ about, checkpoints }) => ({
        ...about,
        checkpoints: [...checkpoints.values()].map(({ checkpoint, updatedAt }) => ({ ...checkpoint, updatedAt })),
        failures: [...checkpoints.values()].flatMap(({ failure }) => failure ?? []),
      })),
      ends: endsOf(view).map(({ log, partition, position, at }): KnownEnd => ({ log, partition, position, ageMs: now - at })),
      caughtUpAgoMs: new Map(
        generations.flatMap(({ about, caughtUpAt }): [number, number][] =>
          caughtUpAt === null ? [] : [[about.generation, now - caughtUpAt]],
        ),
      ),
    };
  }
}
