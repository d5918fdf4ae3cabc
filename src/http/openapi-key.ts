/** Keys of streams and documents as OpenAPI parameters. */
import type { Schema } from "../core/definition.ts";
import { inputSchema, type JsonSchema } from "./json-schema.ts";
import { exampleOf } from "./openapi-example.ts";
import type { Json } from "./openapi-parts.ts";

export const pathParameter = (name: string, schema: JsonSchema): Json => ({
  name,
  in: "path",
  required: true,
  schema,
  example: exampleOf(schema, schema, name),
});

export const keySchemaOf = (schema: Schema | undefined): JsonSchema =>
  schema === undefined ? { type: "string", minLength: 1 } : inputSchema(schema);
