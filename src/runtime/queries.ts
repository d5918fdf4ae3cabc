/** The query side (I5): a request resolves the generation once, waits for its token on that one, and reads that one. */
import type { AnyView } from "../core/definition.ts";
import { maxTokenParts, mergeParts, parseToken, type TokenPart } from "../core/token.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Queries, Read, ReadOptions } from "./app.ts";
import { gather } from "./gather.ts";
import type { CheckpointMoved, StoredDocument, ViewStore } from "./ports.ts";
import { checkSearch, noSearch } from "./search-check.ts";
import { type OwnEnds, type ViewMonitor, viewMonitor } from "./view-monitor.ts";
import { type Reached, waiters } from "./waiters.ts";

export interface QueriesOptions {
  readonly stores: ReadonlyMap<AnyView, ViewStore>;
  /** Kept by the command side where it is in the same process. */
  readonly ownEnds?: OwnEnds;
  /** Waiting queries at a time; more are OVERLOADED. */
  readonly maxWaiting?: number;
  /** Milliseconds since the epoch, for ages; the platform's clock unless given. */
  readonly clock?: () => number;
}

export interface QuerySide extends Queries {
  readonly waiting: number;
  readonly fallbackWakes: number;
  /** Reads that wait for their token end with CLOSED, so that a stop does not wait for them; others are answered. */
  stopWaiting(): void;
  close(): Promise<void>;
}

const keyOf = (view: string, generation: number, log: string, partition: number) => `${view}/${generation}/${log}/${partition}`;
const reached = ({ view, generation, log, partition, position }: CheckpointMoved): Reached => ({
  key: keyOf(view, generation, log, partition),
  position,
});
const waitsFor = (view: AnyView, generation: number, parts: readonly TokenPart[]): Reached[] =>
  parts
    .filter((part) => view.logs.includes(part.log))
    .map(({ log, partition, position }) => ({ key: keyOf(view.name, generation, log, partition), position }));

const defaultWaitMs = 5_000;
const maxWaitMs = 30_000;

export async function querySide({
  stores,
  ownEnds = new Map(),
  maxWaiting = 10_000,
  clock = Date.now,
}: QueriesOptions): Promise<QuerySide> {
  const waiting = waiters(maxWaiting);
  const monitors = new Map<AnyView, ViewMonitor>();
  for (const [view, store] of stores) monitors.set(view, viewMonitor(view, store, ownEnds, clock));
  const unsubscribes = await Promise.all(
    [...new Set(stores.values())].flatMap((store) => {
      const own = [...monitors.values()].filter((monitor) => stores.get(monitor.view) === store);
      const refreshAll = (some = own) => void Promise.allSettled(some.map((monitor) => monitor.refresh())).then(() => waiting.wake());
      return [
        store.onCheckpoint((moved) => {
          if (moved === undefined) return refreshAll();
          const unsure = own.filter((monitor) => monitor.view.name === moved.view && monitor.moved(moved));
          waiting.wake(reached(moved));
          if (unsure.length > 0 && waiting.waiting > 0) refreshAll(unsure);
        }),
        store.onGenerations(() => refreshAll()),
      ];
    }),
  );

  const gets = new Map<string, (key: string) => Promise<StoredDocument | undefined>>();
  const getter = (view: AnyView, store: ViewStore, generation: number) => {
    const id = `${view.name}/${generation}`;
    const known = gets.get(id) ?? gather((keys: readonly string[]) => store.get(view, generation, keys));
    gets.set(id, known);
    return known;
  };

  const read = async <T>(
    view: AnyView,
    options: ReadOptions,
    look: (store: ViewStore, generation: number) => Promise<T>,
  ): Promise<Read<T>> => {
    const monitor = monitors.get(view);
    const store = stores.get(view);
    if (monitor === undefined || store === undefined)
      throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' is not one of this service` });
    const parts =
      options.token === undefined ? [] : typeof options.token === "string" ? parseToken(options.token) : mergeParts(options.token);
    if (parts.length > maxTokenParts) throw new TidemarkError("INVALID_TOKEN", { problem: `it has more than ${maxTokenParts} parts` });
    const waitMs = Math.min(Math.max(options.waitMs ?? defaultWaitMs, 0), maxWaitMs);
    const deadlineAt = Date.now() + waitMs;
    for (let attempt = 1; ; attempt += 1) {
      const { generation } = await monitor.generation();
      try {
        const covered =
          parts.length === 0 ||
          (await waiting.until(
            () => monitor.covers(generation, parts),
            monitor.refresh,
            deadlineAt,
            () => waitsFor(view, generation, parts),
          ));
        if (!covered && !options.allowStale) {
          const { ageMs } = await monitor.freshness(generation);
          throw new TidemarkError("READ_MODEL_BEHIND", { view: view.name, waitedMs: waitMs, ageMs });
        }
        // Freshness first: what is read after it is at least as fresh as it says.
        const { stale, ageMs } = await monitor.freshness(generation);
        const value = await look(store, generation);
        return { value, stale: stale || !covered, ageMs };
      } catch (error) {
        if (!isTidemarkError(error, "GENERATION_MOVED") || attempt === 3) throw error;
        await monitor.refresh();
      }
    }
  };

  return {
    get: (view, key, options = {}) => read(view, options, (store, generation) => getter(view, store, generation)(key)),
    find: (view, query, options = {}) => read(view, options, (store, generation) => store.find(view, generation, query)),
    async search(view, query, options = {}) {
      checkSearch(view, query);
      return read(view, options, (store, generation) => {
        if (store.search === undefined) throw noSearch(view, `store '${store.name}' has none`);
        return store.search(view, generation, query);
      });
    },
    get waiting() {
      return waiting.waiting;
    },
    get fallbackWakes() {
      return waiting.fallbackWakes;
    },
    stopWaiting: () => waiting.close(),
    async close() {
      waiting.close();
      await Promise.all(unsubscribes.map((unsubscribe) => unsubscribe()));
    },
  };
}
