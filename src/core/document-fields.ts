/** A document's fields by what its JSON Schema says of them. */

export type JsonSchema = Readonly<Record<string, unknown>>;

export interface FieldSchemas {
  readonly schemas: readonly JsonSchema[];
  /** A document without it is no document of the schema. */
  readonly required: boolean;
}

export interface FieldTypes {
  /** JSON Schema type names without "null"; "any" where the schema does not say. */
  readonly types: ReadonlySet<string>;
  readonly required: boolean;
  /** The schema allows null. */
  readonly nullable: boolean;
}

/** In the schema's order. Of a union of objects: of all its parts, required only where every part requires it. */
export function fieldTypesOf(root: JsonSchema): ReadonlyMap<string, FieldTypes> {
  return new Map(
    [...fieldsOf(resolve(root, root), root)].map(([field, { schemas, required }]) => {
      const types = new Set(schemas.flatMap((schema) => typesOf(schema, root)));
      const nullable = types.delete("null");
      return [field, { types, required, nullable }];
    }),
  );
}

/** The one type that a field's values have; an integer is a number. undefined: there are several, or any. */
export function onlyType({ types }: Pick<FieldTypes, "types">): string | undefined {
  if (types.size === 2 && types.has("integer") && types.has("number")) return "number";
  const [only] = types;
  return types.size === 1 && only !== "any" ? only : undefined;
}

function fieldsOf(schema: JsonSchema, root: JsonSchema): Map<string, FieldSchemas> {
  const fields = new Map<string, FieldSchemas>();
  const required = new Set(Array.isArray(schema["required"]) ? (schema["required"] as string[]) : []);
  for (const [field, property] of Object.entries((schema["properties"] ?? {}) as Record<string, JsonSchema>)) {
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

function typesOf(given: JsonSchema, root: JsonSchema): string[] {
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
const partsOf = (schema: JsonSchema, keyword: string): readonly JsonSchema[] =>
  Array.isArray(schema[keyword]) ? (schema[keyword] as JsonSchema[]) : [];

/** Follows `#/$defs/…`; a reference to itself ends as "any". */
function resolve(schema: JsonSchema, root: JsonSchema, depth = 0): JsonSchema {
  const ref = schema["$ref"];
  if (typeof ref !== "string") return schema;
  if (!ref.startsWith("#") || depth > 16) return {};
  let found: unknown = root;
  for (const step of ref.split("/").slice(1)) {
    found =
      typeof found === "object" && found !== null ? (found as JsonSchema)[step.replaceAll("~1", "/").replaceAll("~0", "~")] : undefined;
  }
  return typeof found === "object" && found !== null ? resolve(found as JsonSchema, root, depth + 1) : {};
}
