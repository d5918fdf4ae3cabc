/** `find` in ClickHouse's words: null is greater than every value, text compares by byte, which is by code point, the key breaks ties. */
import type { Condition, Scalar } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { FindQuery } from "../runtime/ports.ts";
import type { Column, ColumnType } from "./columns.ts";
import { literal } from "./sql.ts";

type Value = Exclude<Scalar, null>;
export type Columns = ReadonlyMap<string, Pick<Column, "name" | "type">>;

/** @throws INVALID_INPUT */
export function checkQuery(view: AnyView, { where, order, limit }: FindQuery): void {
  const indexed = [...new Set(view.indexes.flat())];
  const named = [
    ...Object.keys(where).map((field) => ({ field, pointer: `/where/${field}` })),
    ...order.map(({ field }, i) => ({ field, pointer: `/order/${i}` })),
  ];
  const issues: InputIssue[] = named
    .filter(({ field }) => !indexed.includes(field))
    .map(({ pointer }) => ({ pointer, detail: `is not indexed by view '${view.name}'; indexed are: ${indexed.join(", ") || "none"}` }));
  if (order.length > 2) issues.push({ pointer: "/order", detail: "takes two fields at most" });
  if (!Number.isSafeInteger(limit) || limit < 1) issues.push({ pointer: "/limit", detail: "must be a whole number above 0" });
  if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what: `The query of view '${view.name}'`, issues });
}

/** All of them hold. @throws INVALID_CURSOR */
export function conditionsOf(columns: Columns, key: string, { where, order, after }: FindQuery): string[] {
  return [
    ...Object.entries(where).map(([field, condition]) => conditionOf(columns.get(field)!, condition)),
    ...(after === undefined ? [] : [afterOf(columns, key, order, after)]),
  ];
}

const jsTypes: Readonly<Record<ColumnType, string>> = { String: "string", Int64: "number", Float64: "number", Bool: "boolean" };
/** A value of another type is no value of the column, and has no place in its order. */
const fits = (type: ColumnType, value: Value): boolean =>
  typeof value === jsTypes[type] &&
  (typeof value !== "number" || Number.isFinite(value)) &&
  (typeof value !== "string" || value.isWellFormed());

const any = (alternatives: readonly string[]): string => (alternatives.length === 0 ? "false" : `(${alternatives.join(" or ")})`);

function conditionOf({ name, type }: Pick<Column, "name" | "type">, condition: Condition): string {
  const equals = (value: Scalar): string =>
    value === null ? `${name} is null` : fits(type, value) ? `${name} = ${literal(value)}` : "false";
  if (condition === null || typeof condition !== "object") return equals(condition);
  const { not, gt, gte, lt, lte } = condition;
  const all: string[] = [];
  if (condition.in !== undefined) all.push(any(condition.in.map(equals)));
  if (not === null) all.push(`${name} is not null`);
  else if (not !== undefined && fits(type, not)) all.push(`(${name} != ${literal(not)} or ${name} is null)`);
  for (const [operator, limit] of Object.entries({ ">": gt, ">=": gte, "<": lt, "<=": lte }))
    if (limit !== undefined) all.push(fits(type, limit) ? `${name} ${operator} ${literal(limit)}` : "false");
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
  const wrong = (): never => {
    throw new TidemarkError("INVALID_CURSOR", { problem: "it does not belong to this order" });
  };
  const last = after.at(-1);
  if (after.length !== order.length + 1 || typeof last !== "string") return wrong();
  const past = (direction: "asc" | "desc") => (direction === "asc" ? ">" : "<");
  const from = (i: number): string => {
    const by = order[i];
    if (by === undefined) return `${key} ${past(ways(order).at(-1) ?? "asc")} ${literal(last)}`;
    const { name, type } = columns.get(by.field)!;
    const value = after[i]!;
    const rest = from(i + 1);
    // null comes last ascending, first descending
    if (value === null) return any([`(${name} is null and ${rest})`, ...(by.direction === "desc" ? [`${name} is not null`] : [])]);
    if (!fits(type, value)) return wrong();
    const equal = literal(value);
    return any([
      `${name} ${past(by.direction)} ${equal}`,
      ...(by.direction === "asc" ? [`${name} is null`] : []),
      `(${name} = ${equal} and ${rest})`,
    ]);
  };
  return from(0);
}
