/** `find` in the engine's words: null is greater than every value, text compares by code point (the byte order of UTF-8), the key breaks ties. */
import type { Condition, Scalar } from "../core/condition.ts";
import type { FindQuery } from "../runtime/ports.ts";
import type { Stored } from "./rows.ts";

export type Query = Readonly<Record<string, unknown>>;

const at = (field: string): string => `fields.${field}`;
const all = (filter: readonly Query[]): Query => ({ bool: { filter } });
const any = (should: readonly Query[]): Query => ({ bool: { should, minimum_should_match: 1 } });
const not = (query: Query): Query => ({ bool: { must_not: [query] } });
const nothing: Query = { match_none: {} };
const exists = (field: string): Query => ({ exists: { field: at(field) } });

/** Rows that hold a document. */
export const held: Query = { term: { deleted: false } };
export const allOf = all;

export const filtersOf = (where: FindQuery["where"]): readonly Query[] =>
  Object.entries(where).map(([field, condition]) => filterOf(field, condition));

function filterOf(field: string, condition: Condition): Query {
  const isOne = (values: readonly Scalar[]): Query => {
    const given = values.filter((value) => value !== null && value !== undefined);
    const some: Query = given.length === 0 ? nothing : { terms: { [at(field)]: given } };
    return values.includes(null) ? any([some, not(exists(field))]) : some;
  };
  if (condition === null || typeof condition !== "object") return isOne([condition]);
  const filters: Query[] = [];
  const { gt, gte, lt, lte } = condition;
  if (condition.in !== undefined) filters.push(isOne(condition.in));
  if (condition.not !== undefined) filters.push(not(isOne([condition.not])));
  const range = Object.entries({ gt, gte, lt, lte }).filter(([, limit]) => limit !== undefined);
  if (range.length > 0) filters.push({ range: { [at(field)]: Object.fromEntries(range) } });
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

/** What comes after the last document of the page before; nulls take part, for which `search_after` has no value. `after` fits the order. */
export function afterOf(order: Order, after: readonly Scalar[]): Query {
  const from = (i: number): Query => {
    if (i === order.length) return { range: { key: { [keyDirection(order) === "asc" ? "gt" : "lt"]: after.at(-1)! } } };
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
