/** The query parameters `from` and `to`: the bounds of one field, both inclusive. */
import type { AnyView } from "../core/definition.ts";
import { isDay } from "../core/utc.ts";
import type { ParameterIssue } from "../errors.ts";
import { type JsonSchema, propertyOf } from "./json-schema.ts";
import type { RawParameters } from "./query-string.ts";
import { notNull, type Scalar, type ScalarParser } from "./scalar.ts";

export const bounds = ["from", "to"] as const;

export interface Range {
  readonly gte?: string | number;
  readonly lte?: string | number;
}

/** Documents in one answer. */
export const mostInRange = 10_000;

/** Does the field hold days: by a rollup's rules, or by its schema? */
export function holdsDays(view: AnyView, field: string, stored: JsonSchema): boolean {
  const unit = view.rollup?.by[field]?.unit;
  return unit === "day" || notNull(stored, propertyOf(stored, field) ?? {})["format"] === "date";
}

export const dayParser: ScalarParser = (text) =>
  isDay(text) ? { value: text } : { problem: "is not a day of the calendar such as 2026-03-31" };

/** undefined where neither is given; what is wrong goes to `issues`. */
export function rangeOf(given: RawParameters, parse: ScalarParser, issues: ParameterIssue[]): Range | undefined {
  const [from, to] = bounds.map((parameter) => {
    const text = given.get(parameter);
    if (text === undefined) return undefined;
    const parsed = parse(text);
    if (parsed.problem === undefined) return parsed.value as Exclude<Scalar, boolean>;
    issues.push({ parameter, detail: parsed.problem });
    return undefined;
  });
  if (from !== undefined && to !== undefined && from > to) issues.push({ parameter: "from", detail: "must not be after 'to'" });
  return from === undefined && to === undefined
    ? undefined
    : { ...(from === undefined ? {} : { gte: from }), ...(to === undefined ? {} : { lte: to }) };
}
