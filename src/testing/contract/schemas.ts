/** Schemas of the suite's definitions, made without a schema library: they say what they are, and take everything. */
import type { Schema } from "../../core/definition.ts";

type Json = Readonly<Record<string, unknown>>;

export const text: Json = { type: "string" };
export const whole: Json = { type: "integer", minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER };
export const real: Json = { type: "number" };
export const flag: Json = { type: "boolean" };
/** Any JSON. */
export const anything: Json = {};
export const oneOf = (...values: readonly string[]): Json => ({ type: "string", enum: values });
export const listOf = (items: Json): Json => ({ type: "array", items });
export const orNull = (schema: Json): Json => ({ anyOf: [schema, { type: "null" }] });

export const object = (properties: Readonly<Record<string, Json>>, optional: readonly string[] = []): Json => ({
  type: "object",
  properties,
  required: Object.keys(properties).filter((name) => !optional.includes(name)),
});

export function schemaOf<T>(json: Json): Schema<T, T> {
  return {
    "~standard": {
      version: 1,
      vendor: "tidemark-contract",
      validate: (value) => ({ value: value as T }),
      jsonSchema: { input: () => ({ ...json }), output: () => ({ ...json }) },
    },
  };
}

/** Of an object: its fields, and the names of those that may be absent. */
export const fields = <T>(properties: Readonly<Record<string, Json>>, optional: readonly (keyof T & string)[] = []): Schema<T, T> =>
  schemaOf<T>(object(properties, optional));

/** Nothing but that it happened. */
export const nothing: Schema<Readonly<Record<string, never>>, Readonly<Record<string, never>>> = schemaOf(object({}));
