/** The statements on one table of documents (a generation's own, or its private copy of a referenced view). Rows are locked and written in the order of `collate "C"`, which is the columns' own. */
import type { Column } from "./view-columns.ts";
import { hiddenColumns } from "./view-columns.ts";
import { named, quoted } from "./view-names.ts";
import { arrayType, selectList } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";

interface Text {
  readonly text: string;
  readonly name: string;
}

export interface TableStatements {
  readonly shape: ViewShape;
  /** $1 keys. Held rows only, no lock. */
  readonly read: Text;
  /** $1 keys. Placeholders for those that have no row. */
  readonly claim: Text;
  /** $1 keys. Placeholders too. */
  readonly lockForUpdate: Text;
  readonly lockForShare: Text;
  /** Parameters as `encodeRows` gives them. */
  readonly upsert: Text;
  /** $1 keys. For tables whose rows nobody else may claim. */
  readonly delete: Text;
}

export function tableStatements(shape: ViewShape, table: string): TableStatements {
  const t = quoted(table);
  const lock = (mode: "update" | "share") =>
    named(`select ${selectList(shape)} from ${t} where _key = any($1::text[]) order by _key for ${mode}`);
  return {
    shape,
    read: named(`select ${selectList(shape)} from ${t} where _key = any($1::text[]) and _held`),
    claim: named(`insert into ${t}(_key) select k from unnest($1::text[]) k order by k collate "C" on conflict do nothing`),
    lockForUpdate: lock("update"),
    lockForShare: lock("share"),
    upsert: named(upsertText(shape, table, 1, "")),
    delete: named(`delete from ${t} where _key = any($1::text[])`),
  };
}

/** One row, its parameters as `encodeRow` gives them: a third of the time of arrays of one. `condition`: such as " from cp", for no row where it has none. */
export function upsertOneText(shape: ViewShape, table: string, firstParameter: number, condition: string): string {
  const types = ["text", "bool", "int8", "text", "json", ...shape.written.map(scalarType)];
  return (
    `insert into ${quoted(table)}(${namesOf(shape).join(", ")}) select ${types.map((type, i) => `$${firstParameter + i}::${type}`).join(", ")}` +
    `${condition}${orReplace(shape)}`
  );
}

const namesOf = (shape: ViewShape): string[] => [...hiddenColumns, ...shape.written.map((c) => quoted(c.field))];
const scalarType = (column: Column): string => (column.type === "json" ? "json" : arrayType(column));
const orReplace = (shape: ViewShape): string =>
  ` on conflict (_key) do update set ${namesOf(shape)
    .slice(1)
    .map((name) => `${name} = excluded.${name}`)
    .join(", ")}`;

/** `condition`: such as " where exists (select 1 from cp)". */
export function upsertText(shape: ViewShape, table: string, firstParameter: number, condition: string): string {
  const columns = shape.written;
  const types = ["text", "bool", "int8", "text", "text", ...columns.map(arrayType)];
  const values = ["u.c0", "u.c1", "u.c2", "u.c3", "u.c4::json", ...columns.map((c, i) => valueOf(c, `u.c${i + 5}`))];
  return (
    `insert into ${quoted(table)}(${namesOf(shape).join(", ")}) select ${values.join(", ")} ` +
    `from unnest(${types.map((type, i) => `$${firstParameter + i}::${type}[]`).join(", ")}) u(${types.map((_, i) => `c${i}`).join(", ")})${condition} order by u.c0 collate "C"${orReplace(shape)}`
  );
}

const valueOf = (column: Column, value: string): string => (column.type === "json" ? `${value}::json` : value);

/** Locks, in order, all documents whose reference field (one parameter each, in the shape's order) holds one of the keys; their rows stay in the server. */
export function lockReferring(shape: ViewShape, table: string): Text {
  const conditions = shape.references.map(({ field }, i) => `${quoted(field)} = any($${i + 1}::text[])`);
  return named(`select count(*) from (select 1 from ${quoted(table)} where ${conditions.join(" or ")} order by _key for update) x`);
}

/** $1 keys of the referenced view, then one array for each copied column. */
export function fanOut(shape: ViewShape, table: string, field: string, copies: readonly Column[]): Text {
  const sets = copies.map((c, i) => `${quoted(c.field)} = ${valueOf(c, `u.c${i}`)}`);
  const arrays = ["$1::text[]", ...copies.map((c, i) => `$${i + 2}::${arrayType(c)}[]`)];
  return named(
    `update ${quoted(table)} d set ${sets.join(", ")} from unnest(${arrays.join(", ")}) u(k, ${copies.map((_, i) => `c${i}`).join(", ")}) where d.${quoted(field)} = u.k`,
  );
}
