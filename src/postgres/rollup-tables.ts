/**
 * A generation of a rollup: the rows that it measures, its groups as sums of what the rows contribute, and, under the name of every generation's documents,
 * an SQL view that shows groups as documents, so that queries need to know nothing of it.
 */
import type { MeasureRule, RollupRules } from "../core/rollup-rules.ts";
import { documentTable, fitName, quoted, referenceTable } from "./view-names.ts";
import type { ViewShape } from "./view-shape.ts";

/** A measure and its columns, `_m0`, `_m1` …: in the order of the rules. */
export interface MeasureColumn {
  readonly rule: MeasureRule;
  readonly field: string;
  readonly column: string;
  /** How many values there are, of avg. */
  readonly counts: string;
}

/** Columns of the groups are `_d0` … and `_m0` …, so no field's name can meet them. */
export const dimensionColumns = ({ by }: RollupRules) =>
  Object.entries(by).map(([field, rule], i) => ({ field, rule, column: `_d${i}`, type: sqlTypes[rule.type] }));

export const measureColumns = ({ measures }: RollupRules): readonly MeasureColumn[] =>
  Object.entries(measures).map(([field, rule], i) => ({ field, rule, column: `_m${i}`, counts: `_c${i}` }));

/** Looked up among the rows, by an index: whatever else is measured is added up in the groups. */
export const isExtreme = ({ rule: { kind } }: MeasureColumn): boolean => kind === "min" || kind === "max";

export const sqlTypes = {
  string: 'text collate "C"',
  integer: "bigint",
  number: "double precision",
  boolean: "boolean",
  object: "jsonb",
} as const;

export const rowsTable = (view: string, generation: number): string => referenceTable(view, generation, "rows");
export const groupsTable = (view: string, generation: number): string => referenceTable(view, generation, "groups");

export function createRollup({ view, columns }: ViewShape, generation: number): string {
  const rules = view.rollup!;
  const rows = rowsTable(view.name, generation);
  const groups = groupsTable(view.name, generation);
  const dimensions = dimensionColumns(rules);
  const measures = measureColumns(rules);
  const extremes = measures.filter(isExtreme);
  const shown = new Map([
    ...dimensions.map(({ field, column }) => [field, `g.${column}`] as const),
    ...measures.map((measure) => [measure.field, shownAs(measure, rows)] as const),
  ]);
  const index = (table: string, names: readonly string[]) =>
    `create index ${quoted(fitName(`${table}_by${names.join("")}`))} on ${quoted(table)}(${names.join(", ")});`;
  return [
    // _doc: null where a key has no document (any more); _part: what it adds to its group, as JSON
    `create table ${quoted(rows)}(${[
      '_key text collate "C" primary key',
      "_version bigint not null default 0",
      '_updated text collate "C"',
      "_doc json",
      "_part json",
      '_group text collate "C"',
      ...extremes.map(({ column, rule }) => `${column} ${sqlTypes[rule.type]}`),
    ].join(", ")}) with (fillfactor = 80);`,
    index(rows, ["_group", "_updated"]),
    ...extremes.map(({ column }) => index(rows, ["_group", column])),
    `create table ${quoted(groups)}(${[
      '_key text collate "C" primary key',
      "_n bigint not null",
      "_version bigint not null",
      ...dimensions.map(({ column, type }) => `${column} ${type} not null`),
      ...measures.filter((measure) => !isExtreme(measure)).flatMap(stored),
    ].join(", ")}) with (fillfactor = 50);`,
    ...dimensions.map(({ column }) => index(groups, [column, "_key"])),
    ...(dimensions.length > 1 ? [index(groups, [...dimensions.map(({ column }) => column), "_key"])] : []),
    `create view ${quoted(documentTable(view.name, generation))} as select ${[
      "g._key",
      "true as _held",
      "g._version",
      `(select max(r._updated) from ${quoted(rows)} r where r._group = g._key) as _updated`,
      "null::json as _rest",
      ...[...columns.keys()].map((field) => `${shown.get(field)!} as ${quoted(field)}`),
    ].join(", ")} from ${quoted(groups)} g;`,
  ].join("\n");
}

function stored({ rule: { kind }, column, counts }: MeasureColumn): string[] {
  if (kind === "count") return [`${column} bigint not null`];
  if (kind === "countBy") return [`${column} jsonb not null`];
  return [`${column} numeric not null`, ...(kind === "avg" ? [`${counts} bigint not null`] : [])];
}

function shownAs(measure: MeasureColumn, rows: string): string {
  const { rule, column, counts } = measure;
  const { kind, type, digits, nullable } = rule;
  switch (kind) {
    case "count":
      return `g.${column}`;
    case "countBy":
      return `g.${column}::json`;
    case "min":
    case "max":
      return `(select ${kind}(r.${column}) from ${quoted(rows)} r where r._group = g._key)`;
    case "sum":
      return type === "string"
        ? `trim_scale(g.${column})::text`
        : `least(greatest(g.${column}, -1.7976931348623157e308), 1.7976931348623157e308)::float8`;
    case "avg": {
      // the whole quotient is exact, and so is the product; a quotient that is rounded first would be rounded a second time
      const [up, down] = [`1${"0".repeat(digits)}`, digits === 0 ? "1" : `0.${"1".padStart(digits, "0")}`];
      const quotient = `sign(g.${column}) * div(2 * abs(g.${column}) * ${up} + g.${counts}, 2 * g.${counts}::numeric) * ${down}`;
      const value = `case when g.${counts} = 0 then ${nullable ? "null" : "0"}::numeric else ${quotient} end`;
      return type === "string" ? `round(${value}, ${digits})::text` : `(${value})::float8`;
    }
  }
}
