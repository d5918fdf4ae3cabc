/** A view's document as columns: what its JSON Schema (output form) says of each field. */
import type { AnyView } from "../core/definition.ts";
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
}

type Json = Readonly<Record<string, unknown>>;

/** Columns that every table has beside the document's. `_rest`: what no column can hold, such as an optional field that is null. */
export const hiddenColumns = ["_key", "_held", "_version", "_updated", "_rest"] as const;

/** Columns by field, in the schema's order. @throws INVALID_DEFINITION */
export function columnsOf(view: AnyView): ReadonlyMap<string, Column> {
  const root = jsonSchemaOf(view.document, "output");
  const fields = fieldsOf(resolve(root, root), root);
  const columns = new Map<string, Column>();
  for (const [field, { schemas, required }] of fields) {
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
    const types = new Set(schemas.flatMap((schema) => typesOf(schema, root)));
    const nullable = types.delete("null");
    columns.set(field, { field, type: columnType(types), required, nullable });
  }
  return columns;
}

function columnType(types: ReadonlySet<string>): ColumnType {
  const only = types.size === 1 ? [...types][0] : types.size === 2 && types.has("integer") && types.has("number") ? "number" : undefined;
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

interface FieldSchemas {
  readonly schemas: readonly Json[];
  readonly required: boolean;
}

/** Fields of an object schema; of a union of objects: of all its parts, required only where every part requires it. */
function fieldsOf(schema: Json, root: Json): Map<string, FieldSchemas> {
  const fields = new Map<string, FieldSchemas>();
  const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as string[]) : []);
  for (const [field, property] of Object.entries((schema["properties"] ?? {}) as Record<string, Json>)) {
    fields.set(field, { schemas: [property], required: required.has(field) });
  }
  for (const part of partsOf(schema, "allOf")) {
    for (const [field, more] of fieldsOf(resolve(part, root), root)) {
      const known = fields.get(field);
      fields.set(field, { schemas: [...(known?.schemas ?? []), ...more.schemas], required: (known?.required ?? false) || more.required });
    }
  }
  const alternatives = [...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")].map((part) => fieldsOf(resolve(part, root), root));
  for (const field of new Set(alternatives.flatMap((alternative) => [...alternative.keys()]))) {
    const found = alternatives.map((alternative) => alternative.get(field));
    const known = fields.get(field);
    fields.set(field, {
      schemas: [...(known?.schemas ?? []), ...found.flatMap((f) => f?.schemas ?? [])],
      required: (known?.required ?? false) || found.every((f) => f?.required === true),
    });
  }
  return fields;
}

/** JSON Schema type names that a value may have; "any" where the schema does not say. */
function typesOf(given: Json, root: Json): string[] {
  const schema = resolve(given, root);
  const alternatives = [...partsOf(schema, "anyOf"), ...partsOf(schema, "oneOf")];
  if (alternatives.length > 0) return alternatives.flatMap((part) => typesOf(part, root));
  const type = schema["type"];
  if (typeof type === "string") return [type];
  if (Array.isArray(type)) return type as string[];
  if ("const" in schema) return [jsonType(schema["const"])];
  if (Array.isArray(schema["enum"])) return [...new Set((schema["enum"] as unknown[]).map(jsonType))];
  return ["any"];
}

const jsonType = (value: unknown): string => (value === null ? "null" : Number.isSafeInteger(value) ? "integer" : typeof value);
const partsOf = (schema: Json, keyword: string): readonly Json[] => (Array.isArray(schema[keyword]) ? (schema[keyword] as Json[]) : []);

/** Follows `#/$defs/…`; a reference to itself ends as "any". */
function resolve(schema: Json, root: Json, depth = 0): Json {
  const ref = schema["$ref"];
  if (typeof ref !== "string") return schema;
  if (!ref.startsWith("#") || depth > 16) return {};
  let found: unknown = root;
  for (const step of ref.split("/").slice(1)) {
    found = typeof found === "object" && found !== null ? (found as Json)[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return typeof found === "object" && found !== null ? resolve(found as Json, root, depth + 1) : {};
}
