/** The rows that a rollup measures: documents as JSON, each with what it contributes, so that exactly this is taken back. */
import type { Document } from "../core/definition.ts";
import type { Contribution } from "../core/rollup-contribution.ts";
import type { RollupRules } from "../core/rollup-rules.ts";
import { columnOf } from "./column.ts";
import { isExtreme, measureColumns, rowsTable } from "./rollup-tables.ts";
import type { Database, Statement } from "./sql.ts";
import { named, quoted } from "./view-names.ts";
import type { Row } from "./view-rows.ts";

export interface MeasuredRow extends Row {
  /** null: it is in no group. */
  readonly part: Contribution | null;
}

export interface RowStatements {
  /** Those that hold a document; no lock. */
  read(keys: readonly string[]): Statement;
  /** Placeholders for those that have no row. */
  claim(keys: readonly string[]): Statement;
  /** Placeholders too, in the order of keys. */
  lock(keys: readonly string[]): Statement;
  upsert(rows: readonly MeasuredRow[]): Statement;
  delete(keys: readonly string[]): Statement;
}

export interface MeasuredSqlRow {
  readonly _key: string;
  readonly _version: number;
  readonly _updated: string | null;
  readonly _doc: string | null;
  readonly _part: string | null;
}

export const decodeMeasured = ({ _key, _version, _updated, _doc, _part }: MeasuredSqlRow): MeasuredRow => ({
  key: _key,
  document: _doc === null ? null : (JSON.parse(_doc) as Document),
  version: _version,
  updated: _updated ?? "",
  part: _part === null ? null : (JSON.parse(_part) as Contribution),
});

export const noMeasured = (key: string): MeasuredRow => ({ key, document: null, version: 0, updated: "", part: null });

export function rowStatements(database: Pick<Database, "array">, view: string, rules: RollupRules, generation: number): RowStatements {
  const column = columnOf(database);
  const table = quoted(rowsTable(view, generation));
  const list = "_key, _version, _updated, _doc::text as _doc, _part::text as _part";
  const extremes = measureColumns(rules).flatMap((measure, i) => (isExtreme(measure) ? [{ ...measure, i }] : []));
  const arrays = extremes.map(({ rule }): "int8" | "float8" | "text" =>
    rule.type === "integer" ? "int8" : rule.type === "number" ? "float8" : "text",
  );
  const names = ["_key", "_version", "_updated", "_doc", "_part", "_group", ...extremes.map((measure) => measure.column)];
  const types = ["text", "int8", "text", "text", "text", "text", ...arrays];
  const values = names.map((name, i) => (name === "_doc" || name === "_part" ? `u.c${i}::json` : `u.c${i}`));

  const read = named(`select ${list} from ${table} where _key = any($1::text[]) and _doc is not null`);
  const claim = named(`insert into ${table}(_key) select k from unnest($1::text[]) k order by k collate "C" on conflict do nothing`);
  const lock = named(`select ${list} from ${table} where _key = any($1::text[]) order by _key for update`);
  const remove = named(`delete from ${table} where _key = any($1::text[])`);
  const upsert = named(
    `insert into ${table}(${names.join(", ")}) select ${values.join(", ")} from unnest(${types.map((type, i) => `$${i + 1}::${type}[]`).join(", ")}) u(${names.map((_, i) => `c${i}`).join(", ")}) ` +
      `order by u.c0 collate "C" on conflict (_key) do update set ${names
        .slice(1)
        .map((name) => `${name} = excluded.${name}`)
        .join(", ")}`,
  );
  const keysOf = (keys: readonly string[]) => [database.array("text", keys)];
  return {
    read: (keys) => ({ ...read, values: keysOf(keys) }),
    claim: (keys) => ({ ...claim, values: keysOf(keys) }),
    lock: (keys) => ({ ...lock, values: keysOf(keys) }),
    delete: (keys) => ({ ...remove, values: keysOf(keys) }),
    upsert: (rows) => ({
      ...upsert,
      values: [
        column("text", rows, (row) => row.key),
        column("int8", rows, (row) => row.version),
        column("text", rows, (row) => row.updated),
        column("text", rows, (row) => (row.document === null ? null : JSON.stringify(row.document))),
        column("text", rows, (row) => (row.part === null ? null : JSON.stringify(row.part))),
        column("text", rows, (row) => row.part?.key ?? null),
        ...extremes.map(({ i }, at) => column(arrays[at]!, rows, (row) => row.part?.values[i] ?? null)),
      ],
    }),
  };
}
