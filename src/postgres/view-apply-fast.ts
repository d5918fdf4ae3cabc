/** The fast path: keys are streams of one log and nothing is copied, so nobody else writes these rows. One autocommit statement, no lock across a round trip. */
import type { Connection } from "./sql.ts";
import type { ApplyBatch, ApplyContext } from "./view-apply-context.ts";
import { type Change, foldKey, noRow, type Touched, touchedBy } from "./view-batch.ts";
import { moveOnly, moveParameters, moveParametersOf, moveText } from "./view-checkpoint.ts";
import { named, quoted } from "./view-names.ts";
import { decodeRow, encodeRow, encodeRows, type Row, type SqlRow } from "./view-rows.ts";
import { upsertOneText, upsertText } from "./view-statements.ts";

/** The documents that may exist: a stream's first event finds none. */
export async function readTouched(
  { database, own, shape }: ApplyContext,
  connection: Connection,
  touched: Touched,
): Promise<Map<string, Row>> {
  const keys = [...touched].filter(([, events]) => events[0]!.version !== 1).map(([key]) => key);
  if (keys.length === 0) return new Map();
  const { rows } = await connection.query<SqlRow>({ ...own.read, values: [database.array("text", keys)] });
  return new Map(rows.map((row) => [row._key, decodeRow(shape, row)]));
}

export const fastText = ({ shape, table }: ApplyContext): string =>
  `with cp as (${moveText} returning 1), ` +
  `deleted as (delete from ${quoted(table)} where _key = any($${moveParameters + 1}::text[]) and exists (select 1 from cp)), ` +
  `written as (${upsertText(shape, table, moveParameters + 2, " where exists (select 1 from cp)")}) ` +
  "select count(*)::int as moved from cp";

/** One document written, none deleted: what most batches are while nothing has piled up. */
export const fastOneText = ({ shape, table }: ApplyContext): string =>
  `with cp as (${moveText} returning 1) ${upsertOneText(shape, table, moveParameters + 1, " from cp")}`;

interface Statements {
  readonly any: ReturnType<typeof named>;
  readonly one: ReturnType<typeof named>;
}

const statements = new WeakMap<ApplyContext, Statements>();

/** The texts and their names are made once. */
function statementsOf(context: ApplyContext): Statements {
  let known = statements.get(context);
  if (known === undefined) {
    known = { any: named(fastText(context)), one: named(fastOneText(context)) };
    statements.set(context, known);
  }
  return known;
}

export async function applyFast(context: ApplyContext, connection: Connection, { move, events }: ApplyBatch): Promise<"applied" | "moved"> {
  const { database, shape } = context;
  const touched = touchedBy(shape.view, events, shape.view.name);
  const cached = context.cache.take(move.from);
  const unknown = cached.size === 0 ? touched : new Map([...touched].filter(([key]) => !cached.has(key)));
  const current = await readTouched(context, connection, unknown);
  for (const key of touched.keys()) {
    const row = cached.get(key);
    if (row !== undefined && row.document !== null) current.set(key, row);
  }
  const changes = [...touched].map(([key, own]): Change => foldKey(shape, key, own, current.get(key) ?? noRow(key), shape.view.name));
  const written = changes.map(({ row }) => row).filter((row) => row.document !== null);
  const deleted = changes.filter(({ row }) => row.document === null && current.has(row.key)).map(({ row }) => row.key);
  const isMoved = async (): Promise<boolean> => {
    if (written.length + deleted.length === 0) return (await connection.query(moveOnly(move))).rowCount === 1;
    if (written.length === 1 && deleted.length === 0) {
      const values = [...moveParametersOf(move), ...encodeRow(shape, written[0]!)];
      return (await connection.query({ ...statementsOf(context).one, values })).rowCount === 1;
    }
    const { rows } = await connection.query<{ moved: number }>({
      ...statementsOf(context).any,
      values: [...moveParametersOf(move), database.array("text", deleted), ...encodeRows(shape, written, database)],
    });
    return rows[0]?.moved === 1;
  };
  if (!(await isMoved())) return "moved";
  const rows = changes.map(({ row }) => row);
  context.cache.keep(cached, move.to, rows);
  return "applied";
}
