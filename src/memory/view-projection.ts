/** One (view, generation) in memory as a worker feeds it. Effect and checkpoint are one step (I4). */
import type { AnyView } from "../core/definition.ts";
import type { Checkpoint, ViewProjection } from "../runtime/ports.ts";
import type { Handle } from "./handle.ts";
import { partitionKey, type ReadDatabase } from "./read-database.ts";
import { fedGeneration, viewCheckpoints } from "./view-checkpoints.ts";
import { foldBatch } from "./view-documents.ts";
import { viewLoad } from "./view-load.ts";

export function viewProjection(database: ReadDatabase, own: Handle, view: AnyView, generation: number): ViewProjection {
  const about = { view: view.name, generation };
  const fed = () => fedGeneration(database, view, generation);
  const updatedAt = () => new Date(database.now()).toISOString();

  const projection: ViewProjection = {
    view,
    generation,
    ...viewCheckpoints(database, own, view, generation),
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
