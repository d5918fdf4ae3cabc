/** Workers and zombies that race over one read database: who feeds a partition to its end, and who writes from checkpoints of long ago. */
import type { AnyView } from "../src/core/definition.ts";
import { isTidemarkError } from "../src/errors.ts";
import { sqlState } from "../src/postgres/sql-errors.ts";
import type { ViewStore } from "../src/runtime/ports.ts";
import type { Logs, Random } from "./view-domain.ts";
import { applyNext } from "./view-stores.ts";

export interface Counts {
  applied: number;
  moved: number;
  unavailable: number;
  deadlocks: number;
}

/** Errors of the connection, and of a database that asks to come again. Anything else is a fault of the store. */
export function counted(counts: Counts, error: unknown): void {
  if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
  counts.unavailable += 1;
  if (sqlState(error.cause) === "40P01") counts.deadlocks += 1;
}

export async function worker(
  store: ViewStore,
  view: AnyView,
  generation: number,
  log: string,
  partition: number,
  events: Logs["orders"][number],
  most: number,
  r: Random,
  counts: Counts,
): Promise<void> {
  const projection = store.projection(view, generation);
  for (;;) {
    try {
      const outcome = await applyNext(projection, await projection.checkpoint(log, partition), events, 1 + r.below(most));
      if (outcome === "end") return;
      counts[outcome] += 1;
    } catch (error) {
      counted(counts, error);
    }
  }
}

/** Applies, from a checkpoint that it read now or a while ago, whatever came next then. */
export async function zombie(
  store: ViewStore,
  generations: ReadonlyMap<AnyView, number>,
  logs: Logs,
  r: Random,
  counts: Counts,
  running: { readonly work: boolean },
): Promise<void> {
  const known = new Map<string, Awaited<ReturnType<ReturnType<typeof store.projection>["checkpoint"]>>>();
  while (running.work) {
    const [view, generation] = r.pick([...generations]);
    const log = r.pick(view.logs);
    const partition = r.below(logs.orders.length);
    const projection = store.projection(view, generation);
    const name = `${view.name}/${log}/${partition}`;
    try {
      const from = known.get(name);
      if (from === undefined || r.below(3) === 0) known.set(name, await projection.checkpoint(log, partition));
      const outcome = await applyNext(projection, from ?? known.get(name)!, logs[log as keyof Logs][partition]!, 1 + r.below(60));
      if (outcome !== "end") counts[outcome] += 1;
    } catch (error) {
      counted(counts, error);
    }
  }
}
