/** A view's document as columns: what its JSON Schema (output form) says of each field. */
import type { AnyView } from "../core/definition.ts";
import { fieldTypesOf, onlyType } from "../core/document-fields.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { TidemarkError } from "../errors.ts";

/** `json` keeps the text as it is given (not jsonb), for whatever is no scalar. */
export type ColumnType = "text" | "bigint" | "double precision" | "boolean" | "json";

export interface Column {
  readonly field: string;
  readonly type: ColumnType;
  /** A document without it is no document of the schema. Others come back absent where they are null in the table. */
  readonly required: boolean;
  /** The schema allows null. */
  readonly nullable: boolean;
  /** No field of the document: the words of these fields, for searching (view-words.ts). */
  readonly words?: { readonly search: NonNullable<AnyView["search"]>; readonly of: readonly string[] };
}

/** Columns that every table has beside the document's. `_rest`: what no column can hold, such as an optional field that is null. */
export const hiddenColumns = ["_key", "_held", "_version", "_updated", "_rest"] as const;

/** Columns by field, in the schema's order. @throws INVALID_DEFINITION */
export function columnsOf(view: AnyView): ReadonlyMap<string, Column> {
  const columns = new Map<string, Column>();
  for (const [field, { types, required, nullable }] of fieldTypesOf(jsonSchemaOf(view.document, "output"))) {
    if (
      (hiddenColumns as readonly string[]).includes(field) ||
      field === "__proto__" ||
      field === "" ||
      Buffer.byteLength(field) > 63 ||
      field.includes("\0")
    ) {
      throw new TidemarkError("INVALID_DEFINITION", {
        what: `View '${view.name}': '${field}' cannot be a column's name in PostgreSQL (empty, over 63 bytes, or one of ${hiddenColumns.join(", ")}).`,
      });
    }
    columns.set(field, { field, type: columnType(onlyType({ types })), required, nullable });
  }
  return columns;
}

function columnType(only: string | undefined): ColumnType {
  switch (only) {
    case "string":
      return "text";
    case "integer":
      return "bigint";
    case "number":
      return "double precision";
    case "boolean":
      return "boolean";
    default:
      return "json";
  }
}
