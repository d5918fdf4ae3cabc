/**
 * A rebuild in its simple form: a generation beside the live one is filled from position 1 and switched to when it has caught up.
 * One process at a time fills it (the others stand by and take over when it dies); the checkpoints' compare-and-set is what makes it right.
 */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { feed } from "./feed.ts";
import type { Logger, Transport, ViewStore } from "./ports.ts";
import { type Wake, pause, wake } from "./wake.ts";

export interface RebuildProgress {
  readonly done: number;
  /** The ends of the logs when the rebuild began; they may move on. */
  readonly total: number;
}

export interface FillOptions {
  readonly view: AnyView;
  readonly generation: number;
  readonly store: ViewStore;
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
    await fill(options, AbortSignal.any([stop, lost]));
  });
}

async function isBuilding(store: ViewStore, view: AnyView, generation: number): Promise<boolean> {
  const { generations } = await store.ensure(view);
  return generations.some((g) => g.generation === generation && g.state === "building");
}

async function fill({ view, generation, store, transport, logger, onProgress }: FillOptions, ended: AbortSignal): Promise<void> {
  const startedAt = performance.now();
  const projection = store.projection(view, generation);
  const applied = wake();
  const targets = new Map<string, readonly number[]>();
  const partitionsOf = new Map<string, number>();
  for (const log of view.logs) {
    partitionsOf.set(log, (await transport.identify(log, ended)).partitions);
    targets.set(log, await transport.ends(log));
  }
  const total = [...targets.values()].flat().reduce((sum, position) => sum + position, 0);
  const checkpoints = await projection.checkpoints(partitionsOf);
  logger.info(`rebuild of view '${view.name}' (generation ${generation}) begins`, {
    view: view.name,
    generation,
    events: total,
    done: checkpoints.reduce((sum, c) => sum + c.position, 0),
  });
  const feeds = await Promise.all(
    view.logs.map(async (log) =>
      feed({
        projection,
        log,
        reader: await transport.reader(log),
        logger,
        onApplied: () => applied.signal(),
        onStopped: () => applied.signal(),
      }),
    ),
  );
  try {
    for (const each of feeds) each.assign(checkpoints.filter((c) => c.log === each.log));
    for (;;) {
      const ticket = applied.ticket();
      if (ended.aborted) return;
      const partitions = feeds.flatMap((each) => each.partitions().map((p) => ({ log: each.log, ...p })));
      const failed = partitions.find((p) => p.failure !== null)?.failure;
      if (failed) throw new TidemarkError("REBUILD_REFUSED", { view: view.name, problem: failed.problem });
      onProgress?.({ done: partitions.reduce((sum, p) => sum + p.position, 0), total });
      // A generation that was retired meanwhile has lost its partitions.
      const caughtUp =
        partitions.length === checkpoints.length && partitions.every((p) => p.position >= (targets.get(p.log)?.[p.partition] ?? 0));
      if (caughtUp && (await switched(store, view, generation))) {
        const seconds = (performance.now() - startedAt) / 1_000;
        logger.info(`view '${view.name}' is served by generation ${generation} now`, {
          view: view.name,
          generation,
          events: total,
          seconds: Number(seconds.toFixed(3)),
        });
        return;
      }
      if (partitions.length < checkpoints.length && !(await isBuilding(store, view, generation))) return;
      await waitForMore(applied, ticket, ended, caughtUp);
    }
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

async function waitForMore(applied: Wake, ticket: number, ended: AbortSignal, caughtUp: boolean): Promise<void> {
  // Caught up and refused: the live one moves on by itself.
  await applied.after(ticket, { maxWaitMs: 1_000, signal: ended });
  if (caughtUp) await pause(20, ended);
}
