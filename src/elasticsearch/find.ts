/** `find` in the engine's words: null is greater than every value, text compares by code point (the byte order of UTF-8), the key breaks ties. */
import type { Condition, Scalar } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { FindQuery } from "../runtime/ports.ts";
import type { IndexedType } from "./names.ts";
import { isOfType, type Stored } from "./rows.ts";

export type Query = Readonly<Record<string, unknown>>;
type Types = ReadonlyMap<string, IndexedType>;

const at = (field: string): string => `fields.${field}`;
const all = (filter: readonly Query[]): Query => ({ bool: { filter } });
const any = (should: readonly Query[]): Query => ({ bool: { should, minimum_should_match: 1 } });
const not = (query: Query): Query => ({ bool: { must_not: [query] } });
const nothing: Query = { match_none: {} };
const exists = (field: string): Query => ({ exists: { field: at(field) } });

/** Rows that hold a document. */
export const held: Query = { term: { deleted: false } };
export const allOf = all;

/** `fields`: those that may be named. @throws INVALID_INPUT */
export function checkQuery(
  view: AnyView,
  fields: readonly string[],
  { where, order, limit }: Pick<FindQuery, "where" | "order" | "limit">,
): void {
  const named = [
    ...Object.keys(where).map((field) => ({ field, pointer: `/where/${field}` })),
    ...order.map(({ field }, i) => ({ field, pointer: `/order/${i}` })),
  ];
  const issues: InputIssue[] = named
    .filter(({ field }) => !fields.includes(field))
    .map(({ pointer }) => ({ pointer, detail: `is not indexed by view '${view.name}'; indexed are: ${fields.join(", ") || "none"}` }));
  if (order.length > 2) issues.push({ pointer: "/order", detail: "takes two fields at most" });
  if (!Number.isSafeInteger(limit) || limit < 1) issues.push({ pointer: "/limit", detail: "must be a whole number above 0" });
  if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what: `The query of view '${view.name}'`, issues });
}

export const filtersOf = (types: Types, where: FindQuery["where"]): readonly Query[] =>
  Object.entries(where).map(([field, condition]) => filterOf(field, types.get(field)!, condition));

/** A value of another type than the field's equals none of its values, and is before or after none. */
function filterOf(field: string, type: IndexedType, condition: Condition): Query {
  const isOne = (values: readonly Scalar[]): Query => {
    const fit = values.filter((value) => isOfType(type, value) && (typeof value !== "string" || value.isWellFormed()));
    const some: Query = fit.length === 0 ? nothing : { terms: { [at(field)]: fit } };
    return values.includes(null) ? any([some, not(exists(field))]) : some;
  };
  if (condition === null || typeof condition !== "object") return isOne([condition]);
  const filters: Query[] = [];
  const { gt, gte, lt, lte } = condition;
  if (condition.in !== undefined) filters.push(isOne(condition.in));
  if (condition.not !== undefined) filters.push(not(isOne([condition.not])));
  const range = Object.entries({ gt, gte, lt, lte }).filter(([, limit]) => limit !== undefined);
  if (range.some(([, limit]) => !isOfType(type, limit) || (typeof limit === "string" && !limit.isWellFormed()))) filters.push(nothing);
  else if (range.length > 0) filters.push({ range: { [at(field)]: Object.fromEntries(range) } });
  return all(filters);
}

type Order = FindQuery["order"];
type Direction = Order[number]["direction"];

/** The key goes the way of the last field. */
const keyDirection = (order: Order): Direction => order.at(-1)?.direction ?? "asc";

export const sortOf = (order: Order): readonly Query[] => [
  ...order.map(({ field, direction }) => ({ [at(field)]: { order: direction, missing: direction === "asc" ? "_last" : "_first" } })),
  { key: { order: keyDirection(order) } },
];

/** What comes after the last document of the page before; nulls take part, for which `search_after` has no value. @throws INVALID_CURSOR */
export function afterOf(types: Types, order: Order, after: readonly Scalar[]): Query {
  const key = after.at(-1);
  const fits = order.every(({ field }, i) => after[i] === null || isOfType(types.get(field)!, after[i]));
  if (after.length !== order.length + 1 || typeof key !== "string" || !fits)
    throw new TidemarkError("INVALID_CURSOR", { problem: "it does not belong to this order" });
  const from = (i: number): Query => {
    if (i === order.length) return { range: { key: { [keyDirection(order) === "asc" ? "gt" : "lt"]: key } } };
    const { field, direction } = order[i]!;
    const value = after[i]!;
    const same: Query = value === null ? not(exists(field)) : { term: { [at(field)]: value } };
    return any([...laterThan(field, value, direction), all([same, from(i + 1)])]);
  };
  return from(0);
}

/** Null comes last ascending, first descending. */
function laterThan(field: string, value: Scalar, direction: Direction): readonly Query[] {
  const up = direction === "asc";
  if (value === null) return up ? [] : [exists(field)];
  // of two values at most one is later
  const later =
    typeof value !== "boolean"
      ? { range: { [at(field)]: { [up ? "gt" : "lt"]: value } } }
      : value === up
        ? nothing
        : { term: { [at(field)]: up } };
  return up ? [later, not(exists(field))] : [later];
}

/** As `after` of the page that follows this document. */
export const cursorOf = (order: Order, { key, fields }: Stored): readonly Scalar[] => [
  ...order.map(({ field }) => fields[field] ?? null),
  key,
];
