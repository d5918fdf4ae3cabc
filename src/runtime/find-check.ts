/** What is refused before any store is asked, so that all refuse the same: fields without an index, values that a field cannot have, cursors of other orders. */
import type { Condition, Scalar } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { fieldTypesOf, type FieldTypes } from "../core/document-fields.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { FindQuery } from "./find-query.ts";

/** Fields that `find` filters and orders by. */
export const indexedFields = (view: AnyView): readonly string[] => [...new Set([...view.indexes.flat(), ...Object.keys(view.references)])];

const known = new WeakMap<AnyView, ReadonlyMap<string, FieldTypes>>();

/** Of the indexed fields. */
function typesOf(view: AnyView): ReadonlyMap<string, FieldTypes> {
  const types = known.get(view) ?? indexedTypes(view);
  known.set(view, types);
  return types;
}

function indexedTypes(view: AnyView): ReadonlyMap<string, FieldTypes> {
  const declared = fieldTypesOf(jsonSchemaOf(view.document, "output"));
  const undeclared: FieldTypes = { types: new Set(["any"]), required: false, nullable: true };
  return new Map(indexedFields(view).map((field) => [field, declared.get(field) ?? undeclared]));
}

/** @throws INVALID_INPUT, INVALID_CURSOR */
export function checkFind(view: AnyView, { where, order, limit, after }: FindQuery): void {
  const types = typesOf(view);
  const issues: InputIssue[] = [];
  const notIndexed = (pointer: string) =>
    void issues.push({ pointer, detail: `is not indexed by view '${view.name}'; indexed are: ${[...types.keys()].join(", ") || "none"}` });
  for (const [field, condition] of Object.entries(where)) {
    const type = types.get(field);
    if (type === undefined) notIndexed(`/where/${field}`);
    else if (condition !== undefined && !valuesOf(condition).every((value) => value === null || fits(type, value)))
      issues.push({ pointer: `/where/${field}`, detail: `takes ${[...type.types].join(" or ")}` });
  }
  for (const [i, { field }] of order.entries()) if (!types.has(field)) notIndexed(`/order/${i}`);
  if (order.length > 2) issues.push({ pointer: "/order", detail: "takes two fields at most" });
  if (!Number.isSafeInteger(limit) || limit < 1) issues.push({ pointer: "/limit", detail: "must be a whole number above 0" });
  if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what: `The query of view '${view.name}'`, issues });
  if (after !== undefined && !cursorFits(types, order, after))
    throw new TidemarkError("INVALID_CURSOR", { problem: "it does not belong to this order" });
}

const valuesOf = (condition: Condition): readonly Scalar[] => {
  if (condition === null || typeof condition !== "object") return [condition];
  const { in: some = [], not, gt, gte, lt, lte } = condition;
  return [...some, ...[not, gt, gte, lt, lte].filter((value) => value !== undefined)];
};

const fitsText = (value: unknown): boolean => typeof value === "string" && value.isWellFormed() && !value.includes("\0");

function fits({ types }: FieldTypes, value: Exclude<Scalar, null>): boolean {
  const any = types.has("any");
  if (typeof value === "string") return fitsText(value) && (any || types.has("string"));
  if (typeof value === "number") return Number.isFinite(value) && (any || types.has("number") || types.has("integer"));
  return typeof value === "boolean" && (any || types.has("boolean"));
}

function cursorFits(types: ReadonlyMap<string, FieldTypes>, order: FindQuery["order"], after: readonly Scalar[]): boolean {
  if (after.length !== order.length + 1 || !fitsText(after.at(-1))) return false;
  return order.every(({ field }, i) => {
    const type = types.get(field)!;
    const value = after[i]!;
    return value === null ? type.nullable || !type.required : fits(type, value);
  });
}
