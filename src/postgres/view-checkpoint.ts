/** The compare-and-set that fences an apply (I4): as a call inside a transaction, and as the head of a single statement. */
import type { Checkpoint } from "../runtime/ports.ts";
import type { Statement } from "./sql.ts";
import { named, shared } from "./view-names.ts";

/** Raised by `_move_checkpoint`: the checkpoint is not the expected one, or not there any more. */
export const checkpointMoved = "TM001";

export interface Move {
  readonly view: string;
  readonly generation: number;
  /** The declared version of the release that applies. */
  readonly declared: number;
  readonly from: Checkpoint;
  readonly to: Checkpoint;
}

const moveValues = ({ view, generation, declared, from, to }: Move): unknown[] => [
  view,
  generation,
  from.log,
  from.partition,
  from.position,
  from.eventId,
  to.position,
  to.eventId,
  to.logId,
  to.hint,
  declared,
];

const call = named(
  "select _move_checkpoint($1::text, $2::text, $3::int, $4::text, $5::int, $6::bigint, $7::text, $8::bigint, $9::text, $10::text, $11::text, $12::int)",
);
const mark = named("select set_config('tidemark.tx', $1, true)");

/** The first statements of an apply's transaction, safe in a pipeline: the last of them refuses to run where `begin` failed. */
export function beginAndMove(move: Move): Statement[] {
  const tx = crypto.randomUUID();
  return [{ text: "begin" }, { ...mark, values: [tx] }, { ...call, values: [tx, ...moveValues(move)] }];
}

/** How many parameters `moveText` takes. */
export const moveParameters = 11;
export const moveParametersOf = moveValues;

/** Touches no row where the checkpoint is not the expected one. */
export const moveText =
  `update ${shared.checkpoints} c set position = $7::bigint, event_id = $8::text, log_id = coalesce($9::text, c.log_id), hint = $10::text, failure = null, updated_at = clock_timestamp() ` +
  "where c.view = $1::text and c.generation = $2::int and c.log = $3::text and c.partition = $4::int " +
  "and c.position = $5::bigint and c.event_id is not distinct from $6::text and c.declared = $11::int";

const moveAlone = named(moveText);

/** For a batch without effect. `rowCount` 0: moved. */
export const moveOnly = (move: Move): Statement => ({ ...moveAlone, values: moveValues(move) });
