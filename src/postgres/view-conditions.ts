/** `find`'s conditions and keyset as SQL. Text compares by code point; null is greater than every value: last ascending, first descending. */
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { Condition, FindQuery } from "../runtime/ports.ts";
import type { Column } from "./view-columns.ts";
import { quoted } from "./view-names.ts";
import type { ViewShape } from "./view-shape.ts";

type Scalar = string | number | boolean | null;

/** Collects parameters; answers the placeholder of each. */
export interface Parameters {
  readonly values: unknown[];
  add(column: Column | "text", value: Exclude<Scalar, null>): string;
}

export function parameters(): Parameters {
  const values: unknown[] = [];
  return {
    values,
    add(column, value) {
      values.push(typeof value === "number" ? String(value) : value);
      return `$${values.length}::${column === "text" ? "text" : sqlTypeFor(column, value)}`;
    },
  };
}

/** Numbers that no bigint can be are compared as numeric: right, if not by the index. */
const sqlTypeFor = ({ type }: Column, value: unknown): string => (type === "bigint" && !Number.isSafeInteger(value) ? "numeric" : type);

const fits = ({ type }: Column, value: unknown): boolean => {
  if (type === "text") return typeof value === "string" && value.isWellFormed() && !value.includes("\0");
  return type === "boolean" ? typeof value === "boolean" : Number.isFinite(value);
};

const operators = { gt: ">", gte: ">=", lt: "<", lte: "<=" } as const;

/** @throws INVALID_INPUT for fields that are not indexed and values that the field cannot have */
export function whereText(shape: ViewShape, where: FindQuery["where"], to: Parameters): string[] {
  const issues: InputIssue[] = [];
  const texts = Object.entries(where).flatMap(([field, condition]) => {
    const column = indexedColumn(shape, field, `/where/${field}`, issues);
    if (column === undefined || condition === undefined) return [];
    return conditionText(column, condition, to, (detail) => void issues.push({ pointer: `/where/${field}`, detail }));
  });
  if (issues.length > 0) throw invalid(shape, issues);
  return texts;
}

function indexedColumn(shape: ViewShape, field: string, pointer: string, issues: InputIssue[]): Column | undefined {
  if (shape.indexed.has(field)) return shape.columns.get(field);
  issues.push({ pointer, detail: `is not indexed by view '${shape.view.name}'; indexed are: ${[...shape.indexed].join(", ") || "none"}` });
  return undefined;
}

const invalid = (shape: ViewShape, issues: readonly InputIssue[]): TidemarkError =>
  new TidemarkError("INVALID_INPUT", { what: `The query of view '${shape.view.name}'`, issues });

function conditionText(column: Column, condition: Condition, to: Parameters, issue: (detail: string) => void): string[] {
  const name = quoted(column.field);
  const parameter = (value: Exclude<Scalar, null>): string => {
    if (fits(column, value)) return to.add(column, value);
    issue(`takes ${column.type === "text" ? "text" : column.type === "boolean" ? "booleans" : "numbers"}`);
    return "null";
  };
  if (condition === null) return [`${name} is null`];
  if (typeof condition !== "object") return [`${name} = ${parameter(condition)}`];
  const texts: string[] = [];
  if (condition.in !== undefined) {
    const values = condition.in.filter((value) => value !== null);
    const some = [
      ...(values.length > 0 ? [`${name} in (${values.map(parameter).join(", ")})`] : []),
      ...(values.length < condition.in.length ? [`${name} is null`] : []),
    ];
    texts.push(some.length === 0 ? "false" : `(${some.join(" or ")})`);
  }
  // a document without the value is not the value either
  if (condition.not !== undefined)
    texts.push(condition.not === null ? `${name} is not null` : `${name} is distinct from ${parameter(condition.not)}`);
  for (const [operator, sign] of Object.entries(operators)) {
    const value = condition[operator as keyof typeof operators];
    if (value !== undefined) texts.push(`${name} ${sign} ${parameter(value)}`);
  }
  return texts;
}

export interface OrderColumn {
  readonly name: string;
  readonly column: Column | "text";
  readonly descending: boolean;
  readonly mayBeNull: boolean;
}

/** The order fields and, last, the key. @throws INVALID_INPUT */
export function orderColumns(shape: ViewShape, order: FindQuery["order"]): OrderColumn[] {
  const issues: InputIssue[] = [];
  if (order.length > 2) issues.push({ pointer: "/order", detail: "takes two fields at most" });
  const columns = order.flatMap(({ field, direction }, i): OrderColumn[] => {
    const column = indexedColumn(shape, field, `/order/${i}`, issues);
    return column === undefined
      ? []
      : [{ name: quoted(field), column, descending: direction === "desc", mayBeNull: column.nullable || !column.required }];
  });
  if (issues.length > 0) throw invalid(shape, issues);
  return [...columns, { name: "_key", column: "text", descending: columns.at(-1)?.descending ?? false, mayBeNull: false }];
}

export const orderText = (order: readonly OrderColumn[]): string =>
  order.map(({ name, descending }) => (descending ? `${name} desc` : name)).join(", ");

/** True for rows after `after` in the order. @throws INVALID_CURSOR */
export function afterText(order: readonly OrderColumn[], after: readonly Scalar[], to: Parameters): string {
  const cursorFits =
    after.length === order.length &&
    order.every(({ column, mayBeNull }, i) =>
      after[i] === null
        ? mayBeNull
        : column === "text"
          ? typeof after[i] === "string" && fits(keyColumn, after[i])
          : fits(column, after[i]),
    );
  if (!cursorFits) throw new TidemarkError("INVALID_CURSOR", { problem: "it does not belong to this order" });
  const placeholders = order.map(({ column }, i) => (after[i] === null ? null : to.add(column, after[i] as Exclude<Scalar, null>)));

  const descending = order[0]!.descending;
  const asRow = order.every((o, i) => o.descending === descending && placeholders[i] !== null && (descending || !o.mayBeNull));
  // an index range: nulls come first descending, so they are behind us, and cannot come ascending
  if (asRow) return `(${order.map((o) => o.name).join(", ")}) ${descending ? "<" : ">"} (${placeholders.join(", ")})`;

  const from = (i: number): string => {
    const { name, descending: desc, mayBeNull } = order[i]!;
    const value = placeholders[i]!;
    const past =
      value === null
        ? desc
          ? `${name} is not null`
          : "false"
        : desc
          ? `${name} < ${value}`
          : mayBeNull
            ? `(${name} > ${value} or ${name} is null)`
            : `${name} > ${value}`;
    if (i === order.length - 1) return past;
    const same = value === null ? `${name} is null` : `${name} = ${value}`;
    return `(${past} or (${same} and ${from(i + 1)}))`;
  };
  // implied by what follows, but a range of the index; ascending, nulls are still to come
  const { name, mayBeNull } = order[0]!;
  const range = placeholders[0] !== null && (descending || !mayBeNull) ? `${name} ${descending ? "<=" : ">="} ${placeholders[0]} and ` : "";
  return range + from(0);
}

const keyColumn: Column = { field: "_key", type: "text", required: true, nullable: false };
