/**
 * The full path of a view's own log, where others write the same rows or the rows that it copies from (I4). The order of classes is the same for everybody:
 * checkpoint → reference claims → reference locks → own claims → document locks; inside each, keys by code point. Two round trips, three where references are found by reading first.
 */
import { TidemarkError } from "../errors.ts";
import type { Connection, Statement } from "./sql.ts";
import { type ApplyBatch, type ApplyContext, commit } from "./view-apply-context.ts";
import { readTouched } from "./view-apply-fast.ts";
import { type Change, foldKey, noRow, type Touched, touchedBy } from "./view-batch.ts";
import { beginAndMove, type Move, moveOnly } from "./view-checkpoint.ts";
import { covers, fill, type ReferenceKeys, referencesNeeded, union } from "./view-references.ts";
import { decodeRow, encodeRows, type Row, type SqlRow } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";

const maxAttempts = 20;

export async function applyFull(context: ApplyContext, connection: Connection, batch: ApplyBatch): Promise<"applied" | "moved"> {
  const { view } = context.shape;
  const touched = touchedBy(view, batch.events, view.name);
  if (touched.size === 0) return (await connection.query(moveOnly(batch.move))).rowCount === 1 ? "applied" : "moved";

  const guess = view.keyed === "stream" ? await foldBefore(context, connection, touched) : await guessBefore(context, connection, touched);
  let references: ReferenceKeys = guess.references;
  for (let attempt = 1; attempt <= maxAttempts; attempt++) {
    const locked = await lock(context, connection, batch.move, [...touched.keys()], references);
    const changes = guess.changes ?? foldAll(context.shape, touched, locked.documents);
    const needed = referencesNeeded(context.shape, changes, locked.documents);
    if (covers(references, needed)) {
      await write(context, connection, changes, locked);
      return "applied";
    }
    // another partition changed a document since it was read: what it refers to now comes before the documents in the order of locks
    await connection.query({ text: "rollback" });
    references = union(references, needed);
  }
  throw new TidemarkError("UNAVAILABLE", {
    what: `View '${view.name}': its references changed ${maxAttempts} times while a batch was applied`,
  });
}

interface Before {
  /** Final where only this partition writes the documents (the checkpoint's compare-and-set confirms it). */
  readonly changes?: readonly Change[];
  readonly references: ReferenceKeys;
}

async function foldBefore(context: ApplyContext, connection: Connection, touched: Touched): Promise<Before> {
  const current = await readTouched(context, connection, touched);
  const changes = foldAll(context.shape, touched, current);
  return { changes, references: referencesNeeded(context.shape, changes, current) };
}

/** Other partitions write these documents too, so the fold is done again under the locks. */
async function guessBefore(context: ApplyContext, connection: Connection, touched: Touched): Promise<Before> {
  if (context.shape.references.length === 0) return { references: new Map() };
  const { rows } = await connection.query<SqlRow>({ ...context.own.read, values: [context.database.array("text", [...touched.keys()])] });
  const current = new Map(rows.map((row) => [row._key, decodeRow(context.shape, row)]));
  return { references: referencesNeeded(context.shape, foldAll(context.shape, touched, current), current) };
}

const foldAll = (shape: ViewShape, touched: Touched, current: ReadonlyMap<string, Row>): Change[] =>
  [...touched].map(([key, events]) => foldKey(shape, key, events, current.get(key) ?? noRow(key), shape.view.name));

export interface Locked {
  readonly documents: ReadonlyMap<string, Row>;
  /** By referenced view. */
  readonly references: ReadonlyMap<string, ReadonlyMap<string, Row>>;
}

/** Begins the transaction, moves the checkpoint, and locks `references` and the documents of `ownKeys`, claimed first where other partitions may. */
export async function lock(
  { database, shape, own, referenced }: ApplyContext,
  connection: Connection,
  move: Move,
  ownKeys: readonly string[],
  references: ReferenceKeys,
): Promise<Locked> {
  const needed = [...referenced].filter(([view]) => (references.get(view)?.size ?? 0) > 0);
  const keys = database.array("text", ownKeys);
  const keysOf = (view: string) => [database.array("text", [...references.get(view)!])];
  const statements: Statement[] = [
    ...beginAndMove(move),
    ...needed.map(([view, table]) => ({ ...table.claim, values: keysOf(view) })),
    ...needed.map(([view, table]) => ({ ...table.lockForShare, values: keysOf(view) })),
    ...(shape.view.keyed === "key" ? [{ ...own.claim, values: [keys] }] : []),
    { ...own.lockForUpdate, values: [keys] },
  ];
  const results = await connection.pipeline(statements);
  const rowsOf = (result: { readonly rows: readonly unknown[] }, of: ViewShape) =>
    new Map((result.rows as SqlRow[]).map((row) => [row._key, decodeRow(of, row)]));
  const firstLock = 3 + needed.length;
  return {
    documents: rowsOf(results.at(-1)!, shape),
    references: new Map(needed.map(([view, table], i) => [view, rowsOf(results[firstLock + i]!, table.shape)])),
  };
}

async function write(
  { database, shape, own }: ApplyContext,
  connection: Connection,
  changes: readonly Change[],
  locked: Locked,
): Promise<void> {
  const rows = changes.map((change) => fill(shape, change, locked.documents.get(change.row.key), locked.references));
  // a row that other partitions may claim goes back to a placeholder: they would claim it, find it gone at the lock, and write over a rival
  const written = shape.view.keyed === "key" ? rows : rows.filter((row) => row.document !== null);
  const deleted = shape.view.keyed === "key" ? [] : rows.filter((row) => row.document === null && locked.documents.has(row.key));
  const statements: Statement[] = [];
  if (deleted.length > 0)
    statements.push({
      ...own.delete,
      values: [
        database.array(
          "text",
          deleted.map((row) => row.key),
        ),
      ],
    });
  if (written.length > 0) statements.push({ ...own.upsert, values: encodeRows(shape, written, database) });
  await commit(connection, statements, `View '${shape.view.name}' on ${database.label}`);
}
