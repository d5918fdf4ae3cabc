/** Generations that cannot be opened since their storage is not the one that their checkpoints were made with: written down where everybody looks, and taken back. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, type TidemarkError } from "../errors.ts";
import type { Assignment, Failure, Logger, ViewStore } from "./ports.ts";

export interface LostStorage {
  /** Some generation stands still for it: to be tried again. */
  readonly any: boolean;
  /** That stand still for it. */
  generations(): readonly number[];
  failures(generation: number): readonly Failure[];
  /**
   * Where `work` meets VIEW_STORE_DIVERGED, each of the partitions given stands still for it, and it is answered; null: the work is done, none of them does any more.
   * `others` tells what a partition stands still for beside it.
   * @throws what else `work` throws
   */
  guard(
    generation: number,
    partitions: readonly Assignment[],
    work: () => Promise<void>,
    others?: (log: string, partition: number) => Failure | null,
  ): Promise<TidemarkError<"VIEW_STORE_DIVERGED"> | null>;
  /** No other generation concerns this process any more. */
  only(generations: readonly number[]): void;
}

const code = "VIEW_STORE_DIVERGED";

export function lostStorage({
  view,
  store,
  logger,
}: {
  readonly view: AnyView;
  readonly store: ViewStore;
  readonly logger: Logger;
}): LostStorage {
  const standing = new Map<number, readonly Failure[]>();
  /** Partitions of generations that were looked at since this process began. */
  const seen = new Set<string>();

  async function write(generation: number, failure: Failure, stored: Failure | null): Promise<void> {
    await store.projection(view, generation).recordFailure(failure.log, failure.partition, stored);
  }
  async function stand(generation: number, partitions: readonly Assignment[], problem: string): Promise<void> {
    const known = standing.get(generation);
    if (known === undefined)
      logger.error(`view '${view.name}' (generation ${generation}) stands still`, { view: view.name, generation, problem });
    const failures: Failure[] = [];
    for (const { log, partitions: own } of partitions) {
      for (const partition of own) {
        const before = known?.find((each) => each.log === log && each.partition === partition);
        const { position } = await store.projection(view, generation).checkpoint(log, partition);
        const failure = before ?? { log, partition, position: position + 1, problem, at: new Date().toISOString() };
        if (before === undefined) await write(generation, failure, failure);
        failures.push(failure);
      }
    }
    standing.set(generation, failures);
  }
  /** What this process, or one that had the partitions before it, has written down. */
  async function written(generation: number, partitions: readonly Assignment[]): Promise<readonly Failure[]> {
    const own = standing.get(generation) ?? [];
    const keys = partitions.flatMap((each) => each.partitions.map((partition) => `${generation}/${each.log}/${partition}`));
    if (keys.every((key) => seen.has(key))) return own;
    for (const key of keys) seen.add(key);
    const [status] = await store.status([view]);
    const stored = status?.generations.find((each) => each.generation === generation)?.failures ?? [];
    return [...own, ...stored.filter(({ problem }) => problem.startsWith(code))];
  }

  return {
    get any() {
      return standing.size > 0;
    },
    generations: () => [...standing.keys()],
    failures: (generation) => standing.get(generation) ?? [],
    async guard(generation, partitions, work, others = () => null) {
      try {
        await work();
      } catch (error) {
        if (!isTidemarkError(error, code)) throw error;
        await stand(generation, partitions, `${code}: ${error.message}`);
        return error;
      }
      const mine = (failure: Failure) => partitions.some((each) => each.log === failure.log && each.partitions.includes(failure.partition));
      for (const failure of (await written(generation, partitions)).filter(mine))
        await write(generation, failure, others(failure.log, failure.partition));
      if (standing.delete(generation))
        logger.info(`view '${view.name}' (generation ${generation}) goes on`, { view: view.name, generation });
      return null;
    },
    only(generations) {
      for (const generation of standing.keys()) if (!generations.includes(generation)) standing.delete(generation);
    },
  };
}
