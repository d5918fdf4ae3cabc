/**
 * A batch of a referenced view's log: its documents change, and what was copied from them follows in all documents that refer to them.
 * Whoever brings a new reference to a row holds that row until commit; this holds it for update. So either the fan-out's later statement sees the document, or the document's writer sees the new row.
 */
import type { Connection, Statement } from "./sql.ts";
import { type ApplyBatch, type ApplyContext, commit } from "./view-apply-context.ts";
import { type Change, foldKey, noRow, touchedBy } from "./view-batch.ts";
import { beginAndMove, moveOnly } from "./view-checkpoint.ts";
import { changedCopies } from "./view-references.ts";
import { decodeRow, encodeFields, encodeRows, type Row, type SqlRow } from "./view-rows.ts";
import { fanOut, lockReferring, type TableStatements } from "./view-statements.ts";

interface Concerned {
  readonly table: TableStatements;
  readonly before: ReadonlyMap<string, Row>;
  readonly changes: readonly Change[];
}

export async function applyReferenced(
  { database, shape, table, referenced }: ApplyContext,
  connection: Connection,
  { move, events }: ApplyBatch,
): Promise<"applied" | "moved"> {
  const failing = shape.view.name;
  const touched = [...referenced.values()]
    .map((of) => ({ table: of, keys: touchedBy(of.shape.view, events, failing) }))
    .filter(({ keys }) => keys.size > 0);
  if (touched.length === 0) return (await connection.query(moveOnly(move))).rowCount === 1 ? "applied" : "moved";

  const keysOf = (keys: ReadonlyMap<string, unknown>) => [database.array("text", [...keys.keys()])];
  const results = await connection.pipeline([
    ...beginAndMove(move),
    ...touched.map(({ table: of, keys }) => ({ ...of.claim, values: keysOf(keys) })),
    ...touched.map(({ table: of, keys }) => ({ ...of.lockForUpdate, values: keysOf(keys) })),
  ]);
  const concerned = new Map(
    touched.map(({ table: of, keys }, i): [string, Concerned] => {
      const before = new Map(
        (results[3 + touched.length + i]!.rows as unknown as SqlRow[]).map((row) => [row._key, decodeRow(of.shape, row)]),
      );
      const changes = [...keys].map(([key, own]) => foldKey(of.shape, key, own, before.get(key) ?? noRow(key), failing));
      return [of.shape.view.name, { table: of, before, changes }];
    }),
  );

  const statements: Statement[] = [];
  // rows without a document become placeholders, never deleted: documents of all partitions claim them
  for (const { table: of, changes } of concerned.values())
    statements.push({
      ...of.upsert,
      values: encodeRows(
        of.shape,
        changes.map(({ row }) => row),
        database,
      ),
    });
  const copies = shape.references.map((reference) => {
    const found = concerned.get(reference.reference.view.name);
    return {
      reference,
      ...(found === undefined ? { keys: [], fields: [] } : changedCopies(shape, reference, found.changes, found.before)),
    };
  });
  if (copies.some(({ keys }) => keys.length > 0)) {
    statements.push({ ...lockReferring(shape, table), values: copies.map(({ keys }) => database.array("text", keys)) });
    for (const { reference, keys, fields } of copies) {
      if (keys.length === 0) continue;
      statements.push({
        ...fanOut(shape, table, reference.field, reference.written),
        values: [database.array("text", keys), ...encodeFields(reference.written, fields, database)],
      });
    }
  }
  await commit(connection, statements, `View '${failing}' on ${database.label}`);
  return "applied";
}
