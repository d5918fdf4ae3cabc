/** What one document adds to its group, and takes with it when it changes or goes. */
import { meets, type Scalar } from "./condition.ts";
import type { Document } from "./definition.ts";
import type { DimensionRule, MeasureRule, RollupRules } from "./rollup-rules.ts";
import { periodOf } from "./utc.ts";

export type Value = string | number | boolean;

export interface Contribution {
  /** Of the group: the value itself where there is one dimension, the JSON array of the values where there are several. */
  readonly key: string;
  /** In the order of the dimensions. */
  readonly by: readonly Value[];
  /** In the order of the measures: the field's value (for count: 1), or null where the document adds nothing to it. */
  readonly values: readonly (Value | null)[];
}

/** null: the document is in no group. @throws Error for a value that cannot be measured, naming the field */
export function contributionOf({ by, measures }: RollupRules, document: Document): Contribution | null {
  const group: Value[] = [];
  for (const rule of Object.values(by)) {
    const value = dimensionOf(rule, document);
    if (value === null) return null;
    group.push(value);
  }
  return { key: groupKey(group), by: group, values: Object.values(measures).map((rule) => valueOf(rule, document)) };
}

export const groupKey = (by: readonly Value[]): string => (by.length === 1 ? String(by[0]) : JSON.stringify(by));

function dimensionOf({ field, unit, type }: DimensionRule, document: Document): Value | null {
  const value = plain(field, document);
  if (value === null) return null;
  if (unit === null) return checked(field, value, type);
  return inField(field, () => periodOf(unit, checked(field, value, "string") as string));
}

function valueOf({ kind, field, where, type }: MeasureRule, document: Document): Value | null {
  for (const [of, condition] of Object.entries(where)) if (!meets(plain(of, document), condition)) return null;
  if (field === null) return 1;
  const value = plain(field, document);
  if (value === null) return null;
  switch (kind) {
    case "sum":
      return checked(field, value, type === "integer" ? "integer" : "number");
    case "avg":
      return checked(field, value, "number");
    case "countBy":
      return checked(field, value, "string");
    default:
      return checked(field, value, type);
  }
}

/** A value that JSON changes would be counted as one thing now, and as another when it is read again. */
function plain(field: string, document: Document): Scalar {
  const value = document[field];
  if (value === null || value === undefined) return null;
  if (typeof value === "string" || typeof value === "boolean" || (typeof value === "number" && Number.isFinite(value))) return value;
  throw new TypeError(`the field '${field}' must be a plain value to be measured`);
}

/** What the schema does not let by is found here, before it is counted: a value of another type would not come out of a store as it went in. */
function checked(field: string, value: Exclude<Scalar, null>, type: string): Value {
  const fits =
    type === "integer"
      ? Number.isSafeInteger(value)
      : type === "number"
        ? typeof value === "number" && Number.isFinite(value)
        : typeof value === type;
  if (!fits)
    throw new TypeError(`the field '${field}' must be ${type === "integer" ? "an integer within 2^53 - 1" : `a ${type}`} to be measured`);
  if (typeof value === "string" && (value.includes("\0") || !value.isWellFormed()))
    throw new TypeError(`the field '${field}' holds U+0000 or half of a surrogate pair, which no store keeps`);
  return Object.is(value, -0) ? 0 : value;
}

function inField<T>(field: string, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    throw new TypeError(`the field '${field}': ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
