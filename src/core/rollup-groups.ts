/** A rollup computed from all its rows at once: what every store must answer. */
import { compareScalars, compareText } from "./condition.ts";
import { averageText, type Decimal, decimalOf, decimalText, plus, zero } from "./decimal.ts";
import type { Document } from "./definition.ts";
import { type Contribution, contributionOf, type Value } from "./rollup-contribution.ts";
import type { MeasureRule, RollupRules } from "./rollup-rules.ts";

export interface Counted {
  readonly document: Document;
  readonly version: number;
  readonly lastUpdated: string;
}

/** Groups by key. `version`: the sum of the rows' versions; `lastUpdated`: the latest of theirs. @throws Error as `contributionOf` */
export function groupsOf(rules: RollupRules, rows: Iterable<Counted>): Map<string, Counted> {
  const groups = new Map<string, { readonly parts: Contribution[]; version: number; lastUpdated: string }>();
  for (const { document, version, lastUpdated } of rows) {
    const part = contributionOf(rules, document);
    if (part === null) continue;
    const group = groups.get(part.key) ?? { parts: [], version: 0, lastUpdated: "" };
    group.parts.push(part);
    group.version += version;
    if (lastUpdated > group.lastUpdated) group.lastUpdated = lastUpdated;
    groups.set(part.key, group);
  }
  return new Map(
    [...groups].map(([key, { parts, version, lastUpdated }]) => [key, { document: documentOf(rules, parts), version, lastUpdated }]),
  );
}

function documentOf({ by, measures }: RollupRules, parts: readonly Contribution[]): Document {
  return Object.fromEntries([
    ...Object.keys(by).map((field, i) => [field, parts[0]!.by[i]]),
    ...Object.entries(measures).map(([field, rule], i) => [
      field,
      measured(
        rule,
        parts.flatMap(({ values }) => values[i] ?? []),
      ),
    ]),
  ]) as Document;
}

function measured(rule: MeasureRule, values: readonly Value[]): unknown {
  switch (rule.kind) {
    case "count":
      return values.length;
    case "countBy":
      return countsOf(values as readonly string[]);
    case "min":
    case "max":
      return extreme(values, rule.kind === "min" ? 1 : -1);
    case "sum":
      return inType(rule, decimalText(sumOf(values as readonly number[])));
    case "avg":
      if (values.length === 0 && rule.nullable) return null;
      return inType(rule, averageText(sumOf(values as readonly number[]), Math.max(1, values.length), rule.digits));
  }
}

const inType = ({ type }: MeasureRule, text: string): string | number =>
  type === "string" ? text : Math.max(-Number.MAX_VALUE, Math.min(Number.MAX_VALUE, Number(text)));

const sumOf = (values: readonly number[]): Decimal => values.reduce((sum, value) => plus(sum, decimalOf(value)), zero);

const extreme = (values: readonly Value[], way: number): Value | null =>
  values.reduce<Value | null>((found, value) => (found === null || compareScalars(value, found) * way < 0 ? value : found), null);

function countsOf(values: readonly string[]): Readonly<Record<string, number>> {
  const counts = new Map<string, number>();
  for (const value of values) counts.set(value, (counts.get(value) ?? 0) + 1);
  return Object.fromEntries([...counts].toSorted(([a], [b]) => compareText(a, b)));
}
