/**
 * A rebuild: a generation beside the live one is filled from position 1 and switched to when it has caught up.
 * One process at a time fills it (the others stand by and take over when it dies); the checkpoints' compare-and-set is what makes it right.
 */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { bulkLoad } from "./bulk-load.ts";
import { type Feed, feed } from "./feed.ts";
import type { Checkpoint, Logger, Transport, ViewStore } from "./ports.ts";
import { pause, wake } from "./wake.ts";

export interface RebuildProgress {
  readonly done: number;
  /** The ends of the logs when the rebuild began; they may move on. */
  readonly total: number;
}

export interface FillOptions {
  readonly view: AnyView;
  readonly generation: number;
  readonly store: ViewStore;
  /** Any that carries the logs: positions are the same in all, so another one may have begun the generation or may go on with it (I8). */
  readonly transport: Transport;
  readonly logger: Logger;
  readonly stop: AbortSignal;
  readonly onProgress?: (progress: RebuildProgress) => void;
}

/** Resolves when `generation` is live (whoever switched) or retired, or `stop` aborts. @throws REBUILD_REFUSED where a handler stopped it; anything else may pass, and the work goes on where it was */
export async function fillAndSwitch(options: FillOptions): Promise<void> {
  const { view, generation, store, stop } = options;
  await store.withOwnership(`rebuild ${view.name} ${generation}`, stop, async (lost) => {
    if (!(await isBuilding(store, view, generation))) return;
    try {
      await fill(options, AbortSignal.any([stop, lost]));
    } catch (error) {
      // retired under its hands: nothing is left to be filled
      if (!isTidemarkError(error, "GENERATION_MOVED") || (await isBuilding(store, view, generation))) throw error;
    }
  });
}

async function isBuilding(store: ViewStore, view: AnyView, generation: number): Promise<boolean> {
  const { generations } = await store.ensure(view);
  return generations.some((g) => g.generation === generation && g.state === "building");
}

/**
 * Referenced logs come first, so that what refers to them finds its copies and few documents are written twice; then the view's own logs,
 * in bulk where the store can; then the feeds of all of them catch up with what has come meanwhile.
 */
async function fill({ view, generation, store, transport, logger, onProgress }: FillOptions, ended: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const projection = store.projection(view, generation);
  const changed = wake();
  const targets = new Map<string, readonly number[]>();
  const partitionsOf = new Map<string, number>();
  for (const log of view.logs) {
    partitionsOf.set(log, (await transport.identify(log, ended)).partitions);
    targets.set(log, await transport.ends(log));
  }
  const total = [...targets.values()].flat().reduce((sum, position) => sum + position, 0);
  const positions = new Map<string, number>();
  const report = () => onProgress?.({ done: [...positions.values()].reduce((sum, position) => sum + position, 0), total });
  const note = ({ log, partition, position }: Checkpoint) => {
    positions.set(`${log}/${partition}`, position);
    report();
    changed.signal();
  };
  const checkpointsOf = async (log: string) => (await projection.checkpoints(partitionsOf)).filter((c) => c.log === log);
  for (const each of await projection.checkpoints(partitionsOf)) note(each);
  logger.info(`rebuild of view '${view.name}' (generation ${generation}) begins`, {
    view: view.name,
    generation,
    events: total,
    done: [...positions.values()].reduce((sum, position) => sum + position, 0),
  });

  const feeds: Feed[] = [];
  const follow = async (log: string) => {
    const reader = await transport.reader(log);
    const each = feed({ projection, log, reader, logger, onApplied: note, onStopped: () => changed.signal() });
    feeds.push(each);
    each.assign(await checkpointsOf(log));
  };
  const load = async (log: string) => {
    if (projection.load === undefined) return;
    const reader = await transport.reader(log);
    try {
      await bulkLoad({
        projection,
        log,
        reader,
        logger,
        stop: ended,
        checkpoints: await checkpointsOf(log),
        targets: targets.get(log) ?? [],
        onStored: note,
      });
    } finally {
      await reader.close();
    }
  };
  /** Until what is followed has reached its targets, and `then` says so too. false: nobody waits for this rebuild any more. */
  const reached = async (then: () => Promise<boolean>): Promise<boolean> => {
    for (;;) {
      const ticket = changed.ticket();
      if (ended.aborted) return false;
      const followed = feeds.flatMap((each) => each.partitions().map((p) => ({ log: each.log, ...p })));
      const failed = followed.find((p) => p.failure !== null)?.failure;
      if (failed) throw new TidemarkError("REBUILD_REFUSED", { view: view.name, problem: failed.problem });
      // a generation that was retired meanwhile has lost its partitions
      const complete = followed.length === feeds.reduce((sum, each) => sum + (partitionsOf.get(each.log) ?? 0), 0);
      const caughtUp = complete && followed.every((p) => p.position >= (targets.get(p.log)?.[p.partition] ?? 0));
      if (caughtUp && (await then())) return true;
      if ((caughtUp || !complete) && !(await isBuilding(store, view, generation))) return false;
      await changed.after(ticket, { maxWaitMs: 1_000, signal: ended });
      // caught up and refused: the live one moves on by itself
      if (caughtUp) await pause(20, ended);
    }
  };

  try {
    const own = view.from.map(({ name }) => name);
    for (const log of view.logs) if (!own.includes(log)) await follow(log);
    if (!(await reached(() => Promise.resolve(true)))) return;
    for (const log of own) await load(log);
    if (ended.aborted || !(await isBuilding(store, view, generation))) return;
    await projection.loaded?.();
    for (const log of own) await follow(log);
    if (!(await reached(() => switched(store, view, generation)))) return;
    const seconds = Number(((performance.now() - startedAt) / 1_000).toFixed(3));
    logger.info(`view '${view.name}' is served by generation ${generation} now`, { view: view.name, generation, events: total, seconds });
  } finally {
    await Promise.all(feeds.map((each) => each.stop()));
  }
}

/** The live generation moves on meanwhile: the switch itself checks, under locks, that nobody would see older data. */
async function switched(store: ViewStore, view: AnyView, generation: number): Promise<boolean> {
  try {
    await store.switch(view, generation);
    return true;
  } catch (error) {
    if (isTidemarkError(error, "REBUILD_REFUSED")) return false;
    throw error;
  }
}
