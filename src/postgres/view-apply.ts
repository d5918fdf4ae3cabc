/** One apply: the path that the view and the log need, and what the errors of the database mean for the runtime. */
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { applyRollup } from "./rollup-apply.ts";
import { sqlState } from "./sql-errors.ts";
import type { Connection } from "./sql.ts";
import type { ApplyConnections } from "./view-apply-connections.ts";
import type { ApplyBatch, ApplyContext } from "./view-apply-context.ts";
import { applyFast } from "./view-apply-fast.ts";
import { applyFull } from "./view-apply-full.ts";
import { applyReferenced } from "./view-apply-reference.ts";
import { type Blamed, handlerFailed } from "./view-batch.ts";
import { checkpointMoved } from "./view-checkpoint.ts";

/**
 * Effect and checkpoint in one transaction, or nothing. "moved": the checkpoint is not `from` any more, or the generation is gone.
 * @throws HANDLER_FAILED; UNAVAILABLE for deadlocks, serialization failures and unknown outcomes: read the checkpoint again
 */
export async function applyBatch(context: ApplyContext, connections: ApplyConnections, batch: ApplyBatch): Promise<"applied" | "moved"> {
  try {
    return await connections.run((connection) => apply(context, connection, batch));
  } catch (error) {
    return meaning(context, batch.events.at(-1)!, error);
  }
}

function apply(context: ApplyContext, connection: Connection, batch: ApplyBatch): Promise<"applied" | "moved"> {
  const { view, references } = context.shape;
  if (view.rollup !== undefined) return applyRollup(context, connection, batch);
  if (!view.from.some(({ name }) => name === batch.move.from.log)) return applyReferenced(context, connection, batch);
  return view.keyed === "stream" && Object.keys(references).length === 0
    ? applyFast(context, connection, batch)
    : applyFull(context, connection, batch);
}

const undefinedTable = "42P01";
/** Deadlock, serialization failure, lock and statement timeouts. */
const passing = new Set(["40P01", "40001", "55P03", "57014"]);

/** What an apply's error says. `last`: the last event applied. */
export function meaning({ shape, database }: ApplyContext, last: Blamed, error: unknown): "moved" {
  const state = sqlState(error);
  if (state === undefined || isTidemarkError(error)) throw error;
  if (state === checkpointMoved || state === undefinedTable) return "moved";
  const view = `View '${shape.view.name}' on ${database.label}`;
  // connections, resources, an operator's intervention: they pass
  if (passing.has(state) || /^(08|53|57)/.test(state))
    throw new TidemarkError("UNAVAILABLE", { what: `${view} (${state})` }, { cause: error });
  // data that the database refuses in spite of our checks: some event of the batch is at fault, the last one at the latest
  if (/^(22|23|54)/.test(state)) throw handlerFailed(shape.view.name, last, error);
  throw error;
}
