/** The catalogue of views whose documents are in another store, in memory: on the same database as the view store here. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { CatalogCheckpoints, ViewCatalog } from "../runtime/view-catalog.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import { partitionKey, type ReadDatabase } from "./read-database.ts";
import { fedGeneration, viewCheckpoints } from "./view-checkpoints.ts";
import { viewGenerations } from "./view-generations.ts";
import { memoryViewStore } from "./view-store.ts";

export interface MemoryViewCatalog extends ViewCatalog {
  readonly faults: Faults;
  /** The process is gone: whatever it still tries fails and has no effect. */
  kill(): void;
}

/** `store`: the kind of store that the documents are in. */
export function memoryViewCatalog(database: ReadDatabase, store: string, { faults }: { readonly faults?: Faults } = {}): MemoryViewCatalog {
  const own = handle("The view catalogue", faults);
  const { migrate, status, recordEnds, onCheckpoint, onGenerations, withOwnership, close, kill } = memoryViewStore(database, {
    faults: own.faults,
  });
  const fed = (view: AnyView, generation: number) => {
    const found = fedGeneration(database, view, generation);
    return found?.about.store === store ? found : undefined;
  };
  const storageOf = (view: AnyView, generation: number) => `${view.name}/${generation}`;

  return {
    faults: own.faults,
    migrate,
    ...viewGenerations(database, own, store),
    status: async (views) => (await status(views)).map((each) => ({ ...each, store })),
    recordEnds,
    onCheckpoint,
    onGenerations,
    withOwnership,
    of(view, generation): CatalogCheckpoints {
      const about = { view: view.name, generation };
      return {
        ...viewCheckpoints(database, own, view, generation),
        move: (from, to) =>
          own.run("move", { ...about, from, to }, () => {
            const found = fedGeneration(database, view, generation);
            const key = partitionKey(from.log, from.partition);
            const stored = found?.checkpoints.get(key)?.checkpoint;
            if (found === undefined || stored?.position !== from.position || stored.eventId !== from.eventId) return "moved";
            if (found.about.declaredVersion !== view.version) return "moved";
            const updatedAt = new Date(database.now()).toISOString();
            found.checkpoints.set(key, { checkpoint: { ...to, logId: to.logId ?? stored.logId }, updatedAt, failure: null });
            if (!own.faults.loses("checkpoint"))
              database.checkpointMoved.tell({ ...about, log: to.log, partition: to.partition, position: to.position });
            return "applied";
          }),
        storage: () => own.run("current", { view: view.name }, () => database.storage.get(storageOf(view, generation)) ?? null),
        bind: (storageId) =>
          own.run("bind", about, () => {
            if (fed(view, generation) === undefined) throw new TidemarkError("GENERATION_MOVED", about);
            const key = storageOf(view, generation);
            const bound = database.storage.get(key) ?? storageId;
            database.storage.set(key, bound);
            return bound;
          }),
      };
    },
    isFed: (view, generation) =>
      own.run("current", { view: view.name }, () => fed(view, generation)?.about.declaredVersion === view.version),
    leftovers: (view) =>
      own.run("current", { view: view.name }, () =>
        [...database.of(view).values()].flatMap(({ about }) =>
          about.store === store && about.state === "retired" && database.storage.has(storageOf(view, about.generation))
            ? about.generation
            : [],
        ),
      ),
    dropped: (view, generation) =>
      own.run("current", { view: view.name }, () => {
        database.storage.delete(storageOf(view, generation));
      }),
    async close() {
      own.close();
      await close();
    },
    kill() {
      own.kill();
      kill();
    },
  };
}
