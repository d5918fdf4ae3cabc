/** What a batch changes in the groups: contributions taken back and added, netted in memory, then one statement of increments in the order of keys. */
import { type Decimal, decimalOf, decimalText, negated, plus, zero } from "../core/decimal.ts";
import type { Contribution, Value } from "../core/rollup-contribution.ts";
import type { RollupRules } from "../core/rollup-rules.ts";
import { columnOf } from "./column.ts";
import type { MeasuredRow } from "./rollup-rows.ts";
import { dimensionColumns, groupsTable, isExtreme, type MeasureColumn, measureColumns } from "./rollup-tables.ts";
import type { Database, Statement } from "./sql.ts";
import { named, quoted } from "./view-names.ts";

interface Change {
  count: number;
  sum: Decimal;
  readonly byValue: Map<string, number>;
}

/** What one group gains, or loses where it is negative. */
export interface Increment {
  readonly key: string;
  readonly by: readonly Value[];
  rows: number;
  version: number;
  /** In the order of the measures. */
  readonly changes: readonly Change[];
}

/** Increments by group; those that net to nothing are left out. `before` and `after` hold the same keys in the same order. */
export function incrementsOf(rules: RollupRules, before: readonly MeasuredRow[], after: readonly MeasuredRow[]): Increment[] {
  const measures = measureColumns(rules);
  const groups = new Map<string, Increment>();
  for (const row of before) if (row.part !== null) add(groups, measures, row.part, row.version, -1);
  for (const row of after) if (row.part !== null) add(groups, measures, row.part, row.version, 1);
  return [...groups.values()].filter((group) => group.rows !== 0 || group.version !== 0 || group.changes.some(isChange));
}

const isChange = ({ count, sum, byValue }: Change): boolean =>
  count !== 0 || sum.digits !== 0n || [...byValue.values()].some((n) => n !== 0);

function add(groups: Map<string, Increment>, measures: readonly MeasureColumn[], part: Contribution, version: number, way: 1 | -1): void {
  let group = groups.get(part.key);
  if (group === undefined) {
    group = { key: part.key, by: part.by, rows: 0, version: 0, changes: measures.map(() => ({ count: 0, sum: zero, byValue: new Map() })) };
    groups.set(part.key, group);
  }
  group.rows += way;
  group.version += way * version;
  for (const [i, measure] of measures.entries()) {
    const value = part.values[i];
    if (value === null || value === undefined || isExtreme(measure)) continue;
    const change = group.changes[i]!;
    const { kind } = measure.rule;
    if (kind === "countBy") {
      change.byValue.set(value as string, (change.byValue.get(value as string) ?? 0) + way);
    } else {
      change.count += way;
      if (kind !== "count") change.sum = plus(change.sum, way === 1 ? decimalOf(value as number) : negated(decimalOf(value as number)));
    }
  }
}

/** For the end of an apply's transaction: all locks but these are taken, and these follow one another by key, so applies of any partitions never wait in a circle. */
export interface GroupStatements {
  add(increments: readonly Increment[]): Statement;
  /** Groups without rows are not found. They are locked by `add` before; who waits to add to one makes it anew. */
  deleteEmpty(increments: readonly Increment[]): Statement;
}

interface Written {
  readonly name: string;
  readonly type: "text" | "int8" | "float8" | "bool";
  readonly cast: string;
  readonly of: (increment: Increment) => unknown;
  /** undefined: stays. */
  readonly update?: (g: string, by: string) => string;
}

export function groupStatements(database: Pick<Database, "array">, view: string, rules: RollupRules, generation: number): GroupStatements {
  const column = columnOf(database);
  const table = quoted(groupsTable(view, generation));
  const written: readonly Written[] = [
    { name: "_key", type: "text", cast: "", of: ({ key }) => key },
    { name: "_n", type: "int8", cast: "", of: ({ rows }) => rows, update: added },
    { name: "_version", type: "int8", cast: "", of: ({ version }) => version, update: added },
    ...dimensionColumns(rules).map(({ column: name, rule }, i): Written => ({
      name,
      type: ({ string: "text", integer: "int8", number: "float8", boolean: "bool" } as const)[rule.type],
      cast: "",
      of: ({ by }) => by[i],
    })),
    ...measureColumns(rules).flatMap((measure, i) => (isExtreme(measure) ? [] : measureWritten(measure, i))),
  ];
  const add = named(
    `insert into ${table} as g(${written.map(({ name }) => name).join(", ")}) select ${written.map(({ cast }, i) => `u.c${i}${cast}`).join(", ")} ` +
      `from unnest(${written.map(({ type }, i) => `$${i + 1}::${type}[]`).join(", ")}) u(${written.map((_, i) => `c${i}`).join(", ")}) ` +
      `order by u.c0 collate "C" on conflict (_key) do update set ${written
        .flatMap(({ name, update }) => (update === undefined ? [] : [`${name} = ${update(`g.${name}`, `excluded.${name}`)}`]))
        .join(", ")}`,
  );
  const deleteEmpty = named(`delete from ${table} where _key = any($1::text[]) and _n = 0`);
  return {
    add: (increments) => ({ ...add, values: written.map(({ type, of }) => column(type, increments, of)) }),
    deleteEmpty: (increments) => ({ ...deleteEmpty, values: [column("text", increments, ({ key }) => key)] }),
  };
}

const added = (g: string, by: string): string => `${g} + ${by}`;

/** Counts by value as one JSON object; those that come to nothing are left out. */
const merged = (g: string, by: string): string =>
  "(select coalesce(jsonb_object_agg(x.key, x.n), '{}') from (select e.key, sum(e.value::bigint)::bigint as n " +
  `from (select * from jsonb_each_text(${g}) union all select * from jsonb_each_text(${by})) e group by e.key) x where x.n <> 0)`;

function measureWritten({ rule: { kind }, column: name, counts }: MeasureColumn, i: number): Written[] {
  const countOf = ({ changes }: Increment) => changes[i]!.count;
  if (kind === "count") return [{ name, type: "int8", cast: "", of: countOf, update: added }];
  if (kind === "countBy") {
    const of = ({ changes }: Increment) => JSON.stringify(Object.fromEntries([...changes[i]!.byValue].filter(([, n]) => n !== 0)));
    return [{ name, type: "text", cast: "::jsonb", of, update: merged }];
  }
  const sum: Written = { name, type: "text", cast: "::numeric", of: ({ changes }) => decimalText(changes[i]!.sum), update: added };
  return kind === "avg" ? [sum, { name: counts, type: "int8", cast: "", of: countOf, update: added }] : [sum];
}
