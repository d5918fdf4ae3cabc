/** The checkpoints of one (view, generation) in memory. */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { ViewProjection } from "../runtime/ports.ts";
import type { Handle } from "./handle.ts";
import { partitionKey, type ReadDatabase, type StoredGeneration } from "./read-database.ts";

/** undefined: retired, or never made. */
export function fedGeneration(database: ReadDatabase, view: AnyView, generation: number): StoredGeneration | undefined {
  const found = database.of(view).get(generation);
  return found?.about.state === "retired" ? undefined : found;
}

export function viewCheckpoints(
  database: ReadDatabase,
  own: Handle,
  view: AnyView,
  generation: number,
): Pick<ViewProjection, "checkpoints" | "checkpoint" | "recordFailure"> {
  const about = { view: view.name, generation };
  const gone = () => new TidemarkError("GENERATION_MOVED", about);
  const fed = () => fedGeneration(database, view, generation);
  const updatedAt = () => new Date(database.now()).toISOString();

  return {
    checkpoints: (partitions) =>
      own.run("checkpoints", about, () => {
        const { checkpoints } = fed() ?? raise(gone());
        return [...partitions]
          .toSorted(([a], [b]) => (a < b ? -1 : 1))
          .flatMap(([log, count]) =>
            Array.from({ length: count }, (_, partition) => {
              const key = partitionKey(log, partition);
              const known = checkpoints.get(key) ?? {
                checkpoint: { log, partition, position: 0, eventId: null, logId: null, hint: null },
                updatedAt: updatedAt(),
                failure: null,
              };
              checkpoints.set(key, known);
              return known.checkpoint;
            }),
          );
      }),
    checkpoint: (log, partition) =>
      own.run(
        "checkpoint",
        { ...about, log, partition },
        () => fed()?.checkpoints.get(partitionKey(log, partition))?.checkpoint ?? raise(gone()),
      ),
    recordFailure: (log, partition, failure) =>
      own.run("recordFailure", { ...about, log, partition }, () => {
        const key = partitionKey(log, partition);
        const found = fed()?.checkpoints;
        const stored = found?.get(key);
        if (stored !== undefined) found?.set(key, { ...stored, failure });
      }),
  };
}

function raise(error: Error): never {
  throw error;
}
