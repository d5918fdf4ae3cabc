/**
 * A rollup is a query over the latest row of each key. What a document contributes is computed once, when its row is written; the query adds it up, exactly:
 * decimal numbers as whole digits by their scale.
 */
import { averageText, type Decimal, decimalOf, decimalText, plus, zero } from "../core/decimal.ts";
import type { Document } from "../core/definition.ts";
import { contributionOf, type Value } from "../core/rollup-contribution.ts";
import type { MeasureRule, RollupRules } from "../core/rollup-rules.ts";
import { typeOf } from "./columns.ts";
import type { Shape } from "./shape.ts";
import type { Cell } from "./sql.ts";

interface MeasureColumns {
  readonly field: string;
  readonly columns: Shape["columns"];
  readonly cells: (value: Value | null) => readonly Cell[];
  readonly selection: string;
  readonly decode: (answer: unknown) => unknown;
}

export function rollupShape(rules: RollupRules): Shape {
  const dimensions = Object.entries(rules.by).map(([field, { type }], i) => ({ field, name: `_d${i}`, type: typeOf[type]! }));
  const measures = Object.entries(rules.measures).map(([field, rule], i) => measureColumns(field, rule, i));
  const none: Cell[] = [null, ...dimensions.map(() => null), ...measures.flatMap(({ cells }) => cells(null))];
  const names = dimensions.map(({ name }) => name);
  return {
    columns: [
      { name: "_group", definition: "_group Nullable(String)" },
      ...dimensions.map(({ name, type }) => ({ name, definition: `${name} Nullable(${type})` })),
      ...measures.flatMap(({ columns }) => columns),
    ],
    cells(document) {
      try {
        const part = contributionOf(rules, document);
        if (part === null) return { cells: none };
        return { cells: [part.key, ...part.by, ...measures.flatMap(({ cells }, i) => cells(part.values[i]!))] };
      } catch (error) {
        return { problem: error instanceof Error ? error.message : String(error) };
      }
    },
    none,
    found: new Map(dimensions.map((dimension) => [dimension.field, dimension])),
    key: "_group",
    held: "not _deleted and _group is not null",
    selection: ["_group", "sum(_version)", "max(_updated)", ...names, ...measures.map(({ selection }) => selection)].join(", "),
    groupBy: ` group by ${["_group", ...names].join(", ")}`,
    decode([key, version, lastUpdated, ...rest]) {
      const document: Document = Object.fromEntries<unknown>([
        ...dimensions.map(({ field, type }, i): [string, unknown] => [field, type === "Int64" ? Number(rest[i]) : rest[i]]),
        ...measures.map(({ field, decode }, i): [string, unknown] => [field, decode(rest[dimensions.length + i])]),
      ]);
      return { key: key as string, stored: { document, version: Number(version), lastUpdated: lastUpdated as string } };
    },
  };
}

function measureColumns(field: string, rule: MeasureRule, i: number): MeasureColumns {
  const value = `_m${i}`;
  const one = (type: string, selection: string, decode: MeasureColumns["decode"]): MeasureColumns => ({
    field,
    columns: [{ name: value, definition: `${value} Nullable(${type})` }],
    cells: (cell) => [cell],
    selection,
    decode,
  });
  switch (rule.kind) {
    case "count":
      return one("UInt8", `count(${value})`, Number);
    case "countBy":
      return one("String", `sumMapIf([assumeNotNull(${value})], [toUInt64(1)], isNotNull(${value}))`, countsOf);
    case "min":
    case "max": {
      const type = typeOf[rule.type]!;
      return one(type, `${rule.kind}(${value})`, (answer) => (type === "Int64" && answer !== null ? Number(answer) : answer));
    }
    case "sum":
    case "avg":
      return sumColumns(field, rule, value, `_s${i}`);
  }
}

const countsOf = (answer: unknown): Readonly<Record<string, number>> => {
  const [values, counts] = answer as readonly [readonly string[], readonly (number | string)[]];
  return Object.fromEntries(values.map((value, i) => [value, Number(counts[i])]));
};

type Sums = readonly [count: number | string, whole: string, scales: readonly number[], digits: readonly string[]];

/** value = digits × 10^-scale; most numbers have scale 0, so these are added up without a map. */
function sumColumns(field: string, { kind, type, digits: places, nullable }: MeasureRule, value: string, scale: string): MeasureColumns {
  const fractions = `sumMapIf([${scale}], [toInt128(ifNull(${value}, 0))], ${scale} != 0)`;
  const inType = (text: string): string | number => (type === "string" ? text : Number(text));
  return {
    field,
    columns: [
      { name: value, definition: `${value} Nullable(Int64)` },
      { name: scale, definition: `${scale} Int16` },
    ],
    cells(given) {
      if (given === null) return [null, 0];
      const made = shortened(decimalOf(given as number));
      return [made.digits, made.scale];
    },
    selection:
      `tuple(count(${value}), toString(sumIf(toInt128(ifNull(${value}, 0)), ${scale} = 0)), ` +
      `tupleElement(${fractions}, 1), arrayMap(x -> toString(x), tupleElement(${fractions}, 2)))`,
    decode(answer) {
      const [count, whole, scales, digits] = answer as Sums;
      const parts = scales.map((one, i): Decimal => ({ digits: BigInt(digits[i]!), scale: one }));
      const sum = [{ digits: BigInt(whole), scale: 0 }, ...parts].reduce(plus, zero);
      if (kind === "sum") return inType(decimalText(sum));
      const n = Number(count);
      return n === 0 && nullable ? null : inType(averageText(sum, Math.max(1, n), places));
    },
  };
}

/** A double has 17 digits that count at most: the zeros behind them go into the scale, so that the digits fit 64 bits. */
function shortened({ digits, scale }: Decimal): Decimal {
  if (BigInt.asIntN(64, digits) === digits) return { digits, scale };
  let [short, down] = [digits, scale];
  while (short % 10n === 0n) [short, down] = [short / 10n, down - 1];
  return { digits: short, scale: down };
}
