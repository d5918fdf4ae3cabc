/**
 * Feeds every generation of one view that this release feeds, on the partitions that the transport shares out to this process.
 * A generation that is still being built is filled by a rebuild (rebuild.ts), not here.
 */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError } from "../errors.ts";
import { currentGeneration } from "./current-generation.ts";
import { type Feed, feed } from "./feed.ts";
import { lostStorage } from "./lost-storage.ts";
import type { Assignment, Checkpoint, Failure, Generation, Logger, Transport, ViewStore } from "./ports.ts";
import { fillAndSwitch } from "./rebuild.ts";
import { pause, wake } from "./wake.ts";

export interface ViewWorkerOptions {
  readonly view: AnyView;
  readonly store: ViewStore;
  readonly transport: Transport;
  /** Members of one group share the partitions. */
  readonly group: string;
  readonly logger: Logger;
}

/** A partition that stands still, in this process. */
export interface StandingPartition extends Failure {
  readonly generation: number;
  /** Queries of this release read the generation, or wait for it. */
  readonly read: boolean;
}

export interface ViewWorker {
  readonly view: AnyView;
  failures(): readonly StandingPartition[];
  assigned(): readonly { readonly generation: number; readonly log: string; readonly partition: number; readonly position: number }[];
  /** Resolves when the first assignment has been taken up (or the worker has stopped). */
  readonly started: Promise<void>;
  stop(): Promise<void>;
}

const firstLostPauseMs = 500;
const longestLostPauseMs = 10_000;
const isRefused = (error: unknown) => isTidemarkError(error, "REBUILD_REFUSED");

export function viewWorker({ view, store, transport, group, logger }: ViewWorkerOptions): ViewWorker {
  const stop = new AbortController();
  const changed = wake();
  const feeds = new Map<number, Map<string, Feed>>();
  const rebuilds = new Map<number, Promise<void>>();
  const lost = lostStorage({ view, store, logger });
  let assignments: readonly Assignment[] | null = null;
  /** The one that queries of this release read. */
  let current: number | null = null;
  let begun!: () => void;
  const started = new Promise<void>((resolve) => (begun = resolve));

  const open = async (generation: Generation, partitionsOf: ReadonlyMap<string, number>) => {
    const projection = store.projection(view, generation.generation);
    const checkpoints = await projection.checkpoints(partitionsOf);
    const own = feeds.get(generation.generation) ?? new Map<string, Feed>();
    feeds.set(generation.generation, own);
    for (const log of view.logs) {
      const mine = new Set(assignments?.find((a) => a.log === log)?.partitions ?? []);
      const each = own.get(log) ?? feed({ projection, log, reader: await transport.reader(log), logger });
      own.set(log, each);
      each.assign(checkpoints.filter((c: Checkpoint) => c.log === log && mine.has(c.partition)));
    }
  };
  const failureOf = (generation: number) => (log: string, partition: number) =>
    feeds
      .get(generation)
      ?.get(log)
      ?.partitions()
      .find((p) => p.partition === partition)?.failure ?? null;
  const close = async (generation: number) => {
    const own = feeds.get(generation);
    feeds.delete(generation);
    await Promise.all([...(own?.values() ?? [])].map((each) => each.stop()));
  };

  const attempt = async <T>(
    what: string,
    action: () => Promise<T>,
    isFinal: (error: unknown) => boolean = () => false,
  ): Promise<T | undefined> => {
    let said = false;
    for (let backOffMs = 100; !stop.signal.aborted; backOffMs = Math.min(backOffMs * 2, 2_000)) {
      try {
        return await action();
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isFinal(error)) throw error;
        if (!said) logger.warn(`view '${view.name}': ${what} failed, trying again`, { view: view.name, problem: String(error) });
        said = true;
        await pause(backOffMs, stop.signal);
      }
    }
    return undefined;
  };

  const fill = async (generation: number) => {
    const work = () => fillAndSwitch({ view, generation, store, transport, logger, stop: stop.signal });
    const met = await lost.guard(generation, assignments ?? [], work);
    if (met !== null) throw met;
  };

  /** Brings the feeds in line with the generations and the assignment as they are now. */
  const align = async (partitionsOf: ReadonlyMap<string, number>) => {
    const { generations, changed: hashChanged } = await store.ensure(view);
    if (hashChanged) {
      logger.warn(
        `view '${view.name}' has changed under the same version ${view.version}: documents folded by the old definition stay as they are. Raise its version to rebuild it.`,
        { view: view.name, version: view.version },
      );
    }
    if (generations.length === 0)
      logger.warn(`view '${view.name}' is served by a newer release, nothing is left to feed`, { view: view.name, version: view.version });
    lost.only(generations.map(({ generation }) => generation));
    const fed = generations.filter((g) => g.state === "live" || g.state === "previous");
    for (const generation of [...feeds.keys()]) if (!fed.some((g) => g.generation === generation)) await close(generation);
    current = currentGeneration(view, generations)?.generation ?? null;
    for (const each of fed)
      await lost.guard(each.generation, assignments ?? [], () => open(each, partitionsOf), failureOf(each.generation));
    for (const { generation, state } of generations) {
      if (state !== "building" || rebuilds.has(generation)) continue;
      const job = attempt(`rebuilding generation ${generation}`, () => fill(generation), isRefused).then(
        () => changed.signal(),
        (error: unknown) =>
          logger.error(`rebuild of view '${view.name}' (generation ${generation}) ended`, {
            view: view.name,
            generation,
            problem: String(error),
          }),
      );
      rebuilds.set(generation, job);
    }
  };

  const running = (async () => {
    const partitionsOf = new Map<string, number>();
    for (const log of view.logs) {
      const identity = await attempt(`finding log '${log}'`, () => transport.identify(log, stop.signal));
      if (identity !== undefined) partitionsOf.set(log, identity.partitions);
    }
    const unsubscribe = await attempt("watching generations", () => store.onGenerations(() => changed.signal()));
    // Tables and checkpoints are there before the first partition is: queries can tell "empty" from "not yet".
    await attempt("preparing", async () => {
      for (const { generation } of (await store.ensure(view)).generations)
        await lost.guard(generation, [], async () => void (await store.projection(view, generation).checkpoints(partitionsOf)));
    });
    const membership = await attempt("joining its group", () =>
      transport.join(group, view.logs, (next) => {
        assignments = next;
        changed.signal();
      }),
    );
    let lostPauseMs = firstLostPauseMs;
    while (!stop.signal.aborted) {
      const ticket = changed.ticket();
      if (assignments !== null) {
        await attempt("taking up its partitions", () => align(partitionsOf));
        begun();
      }
      // storage may be brought back, and nobody tells
      await changed.after(ticket, { signal: stop.signal, ...(lost.any ? { maxWaitMs: lostPauseMs } : {}) });
      lostPauseMs = lost.any ? Math.min(lostPauseMs * 2, longestLostPauseMs) : firstLostPauseMs;
    }
    begun();
    await membership?.leave();
    await unsubscribe?.();
    await Promise.all([...feeds.keys()].map(close));
    await Promise.all(rebuilds.values());
  })();

  return {
    view,
    failures: () =>
      [...new Set([...feeds.keys(), ...lost.generations()])].flatMap((generation) => {
        const own = lost.failures(generation);
        const fed = [...(feeds.get(generation)?.values() ?? [])].flatMap((each) => each.partitions().flatMap((p) => p.failure ?? []));
        const others = fed.filter((one) => !own.some((each) => each.log === one.log && each.partition === one.partition));
        return [...own, ...others].map((failure) => ({ ...failure, generation, read: current === null || current === generation }));
      }),
    assigned: () =>
      [...feeds].flatMap(([generation, own]) =>
        [...own.values()].flatMap((each) =>
          each.partitions().map((p) => ({ generation, log: each.log, partition: p.partition, position: p.position })),
        ),
      ),
    started,
    async stop() {
      stop.abort();
      await running;
    },
  };
}
