/** The transaction of a bulk load's flush: checkpoint, references, documents that are new by COPY, the others by the upsert of every apply. */
import type { Document } from "../core/definition.ts";
import type { Connection, Statement } from "./sql.ts";
import { type ApplyContext, commit } from "./view-apply-context.ts";
import { lock } from "./view-apply-full.ts";
import { blaming, type Change } from "./view-batch.ts";
import { beginAndMove, type Move } from "./view-checkpoint.ts";
import { copyRows } from "./view-copy.ts";
import { fill, referencesNeeded } from "./view-references.ts";
import { checkRow, encodeRows, type Row } from "./view-rows.ts";

/** A document as a load holds it, without copied fields. Not changed any more once its flush has begun. */
export interface Held {
  readonly key: string;
  document: Document | null;
  version: number;
  updated: string;
  /** What the table holds of it; null: no row. */
  stored: Document | null;
  /** Of the last event that concerned it. */
  type: string;
  position: number;
}

/** The parameters of one upsert are held in memory by both sides. */
const rowsPerUpsert = 5_000;

/**
 * The locks are those of view-apply-full.ts, in the same order of classes, so a fan-out or an apply of another release may run at the same time.
 * Rows that are new are seen by nobody before the commit, and only who has moved this checkpoint inserts them: they need no lock.
 * @throws HANDLER_FAILED, CHECKPOINT_MOVED as an SQL state
 */
export async function writeLoad(context: ApplyContext, connection: Connection, move: Move, held: readonly Held[]): Promise<void> {
  const { database, shape, own, table } = context;
  const statements: Statement[] = [];
  const alone = shape.references.length === 0;
  const rows = alone ? checked(context, move, held) : await filled(context, connection, move, held);
  const isThere = (i: number): boolean => held[i]!.stored !== null;
  const created = rows.filter((row, i) => row.document !== null && !isThere(i));
  const changed = rows.filter((row, i) => row.document !== null && isThere(i));
  const deleted = rows.filter((row, i) => row.document === null && isThere(i)).map((row) => row.key);
  if (deleted.length > 0) statements.push({ ...own.delete, values: [database.array("text", deleted)] });
  if (created.length > 0) statements.push(copyRows(shape, table, created));
  for (let first = 0; first < changed.length; first += rowsPerUpsert)
    statements.push({ ...own.upsert, values: encodeRows(shape, changed.slice(first, first + rowsPerUpsert), database) });
  // not in one flight with what follows: after a failed `begin` that would be stored, and the checkpoint stay where it was
  if (alone) await connection.pipeline(beginAndMove(move));
  await commit(connection, statements, `View '${shape.view.name}' on ${database.label}`);
}

const rowOf = ({ key, document, version, updated }: Held): Row => ({ key, document, version, updated });

const changeOf = ({ from: { log, partition } }: Move, held: Held): Change => ({
  row: rowOf(held),
  last: { log, partition, position: held.position, type: held.type },
});

function checked({ shape }: ApplyContext, move: Move, held: readonly Held[]): Row[] {
  return held.map((each) => {
    const { row, last } = changeOf(move, each);
    const { document } = row;
    if (document !== null) blaming(shape.view.name, last, () => checkRow(shape, row.key, document, "own"));
    return row;
  });
}

/** What is copied comes from rows that are locked until the commit, or, where the reference is the old one, from the document's own locked row. */
async function filled(context: ApplyContext, connection: Connection, move: Move, held: readonly Held[]): Promise<Row[]> {
  const changes = held.map((each) => changeOf(move, each));
  const there = held.filter(({ stored }) => stored !== null);
  const before = new Map(there.map((each): [string, Row] => [each.key, { ...rowOf(each), document: each.stored }]));
  const references = referencesNeeded(context.shape, changes, before);
  const keys = there.map(({ key }) => key);
  const locked = await lock(context, connection, move, keys, references);
  return changes.map((change) => fill(context.shape, change, locked.documents.get(change.row.key), locked.references));
}
