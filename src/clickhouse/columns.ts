/** A view's plain fields as typed columns: what `find` compares, and what queries of one's own aggregate. The whole document is kept beside them, as JSON. */
import type { AnyView, Document } from "../core/definition.ts";
import { fieldTypesOf, onlyType } from "../core/document-fields.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { isReserved, refusing } from "./names.ts";
import { type Cell, identifier } from "./sql.ts";

export type ColumnType = "String" | "Int64" | "Float64" | "Bool";

export interface Column {
  readonly field: string;
  /** As it stands in statements. */
  readonly name: string;
  readonly type: ColumnType;
}

export const typeOf: Readonly<Record<string, ColumnType>> = { string: "String", integer: "Int64", number: "Float64", boolean: "Bool" };

/** Fields of one plain type, in the schema's order. @throws INVALID_DEFINITION where an indexed field is none */
export function columnsOf(view: AnyView): readonly Column[] {
  const columns = [...fieldTypesOf(jsonSchemaOf(view.document, "output"))].flatMap(([field, types]): Column[] => {
    const type = typeOf[onlyType(types) ?? ""];
    return type === undefined || isReserved(field) ? [] : [{ field, name: identifier(field), type }];
  });
  for (const field of view.indexes.flat())
    if (!columns.some((column) => column.field === field))
      refusing(view)(`the indexed field '${field}' must be a string, number, integer or boolean (or null), so that it can be compared.`);
  return columns;
}

/** What stands in its column; a text where the document cannot be kept. */
export function cellOf({ field, type }: Column, document: Document): { readonly cell: Cell } | { readonly problem: string } {
  const value = document[field];
  if (value === undefined || value === null) return { cell: null };
  const expected = problemOf(type, value);
  return expected === undefined
    ? { cell: value as Cell }
    : { problem: `the field '${field}' must be ${expected}, found ${typeof value === "number" ? value : typeof value}` };
}

function problemOf(type: ColumnType, value: unknown): string | undefined {
  switch (type) {
    case "String":
      return typeof value === "string" && value.isWellFormed() && !value.includes("\0")
        ? undefined
        : "a text without U+0000 or half of a surrogate pair";
    case "Int64":
      return Number.isSafeInteger(value) ? undefined : "an integer within 2^53 - 1";
    case "Float64":
      return Number.isFinite(value) ? undefined : "a finite number";
    case "Bool":
      return typeof value === "boolean" ? undefined : "a boolean";
  }
}
