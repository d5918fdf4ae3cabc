/** JSON Schemas as this layer reads them: command bodies, documents, parameters. */
import type { Schema } from "../core/definition.ts";
import { jsonSchemaOf } from "../core/schema.ts";

/** A JSON Schema (draft 2020-12) as plain JSON. */
export type JsonSchema = { readonly [keyword: string]: unknown };

export const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

/** The input form of a schema, where objects take no members but the named ones (unless the schema says otherwise). */
export const inputSchema = (schema: Schema): JsonSchema => close(withoutDialect(jsonSchemaOf(schema, "input")));

/** What a document looks like on the wire: documents are encoded, so it is the input form again; later releases may add members, so it stays open. */
export const documentSchema = (schema: Schema): JsonSchema => withoutDialect(jsonSchemaOf(schema, "input"));

function withoutDialect({ $schema: _, ...schema }: Record<string, unknown>): JsonSchema {
  return schema;
}

const holdersOfOne = ["items", "additionalProperties", "not", "if", "then", "else", "contains", "propertyNames"] as const;
const holdersOfLists = ["anyOf", "oneOf", "prefixItems"] as const;
const holdersOfMaps = ["properties", "$defs", "patternProperties"] as const;

/** `allOf` is left open: its parts see each other's members. */
function close(schema: unknown): JsonSchema {
  if (!isObject(schema)) return schema as JsonSchema;
  const closed: Record<string, unknown> = { ...schema };
  for (const name of holdersOfOne) if (isObject(schema[name])) closed[name] = close(schema[name]);
  for (const name of holdersOfLists) if (Array.isArray(schema[name])) closed[name] = schema[name].map(close);
  for (const name of holdersOfMaps) {
    const map = schema[name];
    if (isObject(map)) closed[name] = Object.fromEntries(Object.entries(map).map(([key, value]) => [key, close(value)]));
  }
  if (isObject(schema["properties"]) && schema["additionalProperties"] === undefined) closed["additionalProperties"] = false;
  return closed;
}

/** Follows `$ref` within the same schema; a reference that leads nowhere is an empty schema. */
export function resolve(root: JsonSchema, schema: unknown): JsonSchema {
  let current = isObject(schema) ? schema : {};
  for (let hops = 0; typeof current["$ref"] === "string" && hops < 32; hops++) {
    const path = current["$ref"]
      .replace(/^#\/?/, "")
      .split("/")
      .filter((step) => step !== "");
    let target: unknown = root;
    for (const step of path) target = isObject(target) ? target[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
    current = isObject(target) ? target : {};
  }
  return current;
}

/** The schema of one member of an object schema; undefined where it names none of that name. */
export function propertyOf(root: JsonSchema, name: string): JsonSchema | undefined {
  const properties = resolve(root, root)["properties"];
  return isObject(properties) && Object.hasOwn(properties, name) ? resolve(root, properties[name]) : undefined;
}

export const requiredOf = (schema: JsonSchema): readonly string[] => {
  const required = resolve(schema, schema)["required"];
  return Array.isArray(required) ? required.filter((name) => typeof name === "string") : [];
};
