/** `find` in ClickHouse's words: null is greater than every value, text compares by byte, which is by code point, the key breaks ties. */
import type { Condition, Scalar } from "../core/condition.ts";
import type { FindQuery } from "../runtime/ports.ts";
import type { Column } from "./columns.ts";
import { literal } from "./sql.ts";

export type Columns = ReadonlyMap<string, Pick<Column, "name">>;

/** All of them hold. Of a query whose values fit their fields (`checkFind`). */
export function conditionsOf(columns: Columns, key: string, { where, order, after }: FindQuery): string[] {
  return [
    ...Object.entries(where).map(([field, condition]) => conditionOf(columns.get(field)!, condition)),
    ...(after === undefined ? [] : [afterOf(columns, key, order, after)]),
  ];
}

const any = (alternatives: readonly string[]): string => (alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`);

function conditionOf({ name }: Pick<Column, "name">, condition: Condition): string {
  const equals = (value: Scalar): string => (value === null ? `${name} is null` : `${name} = ${literal(value)}`);
  if (condition === null || typeof condition !== "object") return equals(condition);
  const { not, gt, gte, lt, lte } = condition;
  const all: string[] = [];
  if (condition.in !== undefined) all.push(any(condition.in.map(equals)));
  if (not !== undefined) all.push(not === null ? `${name} is not null` : `(${name} != ${literal(not)} or ${name} is null)`);
  for (const [operator, limit] of Object.entries({ ">": gt, ">=": gte, "<": lt, "<=": lte }))
    if (limit !== undefined) all.push(`${name} ${operator} ${literal(limit)}`);
  return all.length === 0 ? "true" : all.join(" and ");
}

const ways = (order: FindQuery["order"]) => order.map(({ direction }) => direction);

export function orderOf(columns: Columns, key: string, order: FindQuery["order"]): string {
  const fields = order.map(
    ({ field, direction }) => `${columns.get(field)!.name} ${direction} nulls ${direction === "asc" ? "last" : "first"}`,
  );
  return [...fields, `${key} ${ways(order).at(-1) ?? "asc"}`].join(", ");
}

/** What comes after the last document of the page before. */
function afterOf(columns: Columns, key: string, order: FindQuery["order"], after: readonly Scalar[]): string {
  const past = (direction: "asc" | "desc") => (direction === "asc" ? ">" : "<");
  const from = (i: number): string => {
    const by = order[i];
    if (by === undefined) return `${key} ${past(ways(order).at(-1) ?? "asc")} ${literal(after.at(-1)!)}`;
    const { name } = columns.get(by.field)!;
    const value = after[i]!;
    const rest = from(i + 1);
    // null comes last ascending, first descending
    if (value === null) return any([`(${name} is null and ${rest})`, ...(by.direction === "desc" ? [`${name} is not null`] : [])]);
    const equal = literal(value);
    return any([
      `${name} ${past(by.direction)} ${equal}`,
      ...(by.direction === "asc" ? [`${name} is null`] : []),
      `(${name} = ${equal} and ${rest})`,
    ]);
  };
  return from(0);
}
