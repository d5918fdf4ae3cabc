/** One (view, generation) in memory as a worker feeds it. Effect and checkpoint are one step (I4). */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Checkpoint, ViewProjection } from "../runtime/ports.ts";
import type { Handle } from "./handle.ts";
import { partitionKey, type ReadDatabase, type StoredGeneration } from "./read-database.ts";
import { foldBatch } from "./view-documents.ts";
import { viewLoad } from "./view-load.ts";

export function viewProjection(database: ReadDatabase, own: Handle, view: AnyView, generation: number): ViewProjection {
  const about = { view: view.name, generation };
  const gone = () => new TidemarkError("GENERATION_MOVED", about);
  const fed = (): StoredGeneration | undefined => {
    const found = database.of(view).get(generation);
    return found?.about.state === "retired" ? undefined : found;
  };
  const updatedAt = () => new Date(database.now()).toISOString();

  const projection: ViewProjection = {
    view,
    generation,
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
    async apply(from, to, events) {
      const key = partitionKey(from.log, from.partition);
      const outcome = await own.run("apply", { ...about, from, to, events }, () => {
        checkDense(from, to, events);
        const found = fed();
        const stored = found?.checkpoints.get(key)?.checkpoint;
        if (
          found === undefined ||
          stored === undefined ||
          found.about.declaredVersion !== view.version ||
          stored.position !== from.position ||
          stored.eventId !== from.eventId
        )
          return "moved";
        const write = foldBatch(view, found.documents, events);
        write();
        found.checkpoints.set(key, { checkpoint: { ...to, logId: to.logId ?? stored.logId }, updatedAt: updatedAt(), failure: null });
        if (!own.faults.loses("checkpoint"))
          database.checkpointMoved.tell({ ...about, log: to.log, partition: to.partition, position: to.position });
        return "applied";
      });
      return outcome;
    },
    load: (from) => (view.keyed === "stream" && view.from.some(({ name }) => name === from.log) ? viewLoad(projection, from) : null),
    recordFailure: (log, partition, failure) =>
      own.run("recordFailure", { ...about, log, partition }, () => {
        const key = partitionKey(log, partition);
        const found = fed()?.checkpoints;
        const stored = found?.get(key);
        if (stored !== undefined) found?.set(key, { ...stored, failure });
      }),
  };
  return projection;
}

/** What a feed must never do is thrown, as no store could notice it. */
function checkDense(from: Checkpoint, to: Checkpoint, events: Parameters<ViewProjection["apply"]>[2]): void {
  const wrong = events.find(
    (event, i) => event.position !== from.position + 1 + i || event.log !== from.log || event.partition !== from.partition,
  );
  if (wrong !== undefined || events.at(-1)?.position !== to.position) {
    throw new Error(
      `a batch from ${from.position} to ${to.position} of ${from.log}/${from.partition} holds the positions ${events.map((event) => `${event.log}/${event.partition}/${event.position}`).join(", ")}`,
    );
  }
}

function raise(error: Error): never {
  throw error;
}
