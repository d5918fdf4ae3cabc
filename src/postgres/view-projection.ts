/** One (view, generation) as a worker feeds it. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError } from "../errors.ts";
import type { Checkpoint, ViewProjection } from "../runtime/ports.ts";
import type { Database } from "./sql.ts";
import type { ApplyConnections } from "./view-apply-connections.ts";
import { applyContext } from "./view-apply-context.ts";
import { applyBatch } from "./view-apply.ts";
import { viewCheckpoints } from "./view-checkpoints.ts";
import { viewLoad } from "./view-load.ts";
import { shapeOf } from "./view-shape.ts";
import { indexGeneration } from "./view-tables.ts";
import type { ViewWake } from "./view-wake.ts";

export function viewProjection(
  database: Database,
  connections: ApplyConnections,
  wake: ViewWake,
  view: AnyView,
  generation: number,
): ViewProjection {
  const context = applyContext(database, shapeOf(view), generation);
  const checkpoints = viewCheckpoints(database, view, generation);

  return {
    view,
    generation,
    checkpoints: checkpoints.all,
    checkpoint: checkpoints.one,
    recordFailure: checkpoints.recordFailure,
    async apply(from, to, events) {
      try {
        const outcome = await applyBatch(context, connections, {
          move: { view: view.name, generation, declared: view.version, from, to },
          events,
        });
        if (outcome === "applied")
          wake.checkpointMoved({ view: view.name, generation, log: to.log, partition: to.partition, position: to.position });
        return outcome;
      } catch (error) {
        if (isTidemarkError(error, "HANDLER_FAILED") && !(await checkpoints.isAt(from))) return "moved";
        throw error;
      }
    },
    load(from, { keep }) {
      if (view.keyed !== "stream" || !view.from.some(({ name }) => name === from.log)) return null;
      const onStored = ({ log, partition, position }: Checkpoint) =>
        wake.checkpointMoved({ view: view.name, generation, log, partition, position });
      return viewLoad(context, connections, generation, from, { keep, onStored });
    },
    loaded: () => indexGeneration(database, context.shape, generation),
  };
}
