/** The JSON Schema of a log's topic of commands, for producers that know nothing of Tidemark. */
import type { AnyAggregate } from "../core/definition.ts";
import { isObject, inputSchema, type JsonSchema, requiredOf } from "./json-schema.ts";

/**
 * Of the value of a record without `ce_type`: `{type, data, id?}`. `$defs` has each command's data under its name: the value of a record whose `ce_type` names it.
 * Draft 2020-12.
 */
export function commandSchema(aggregate: AnyAggregate): JsonSchema {
  const types = Object.keys(aggregate.commandSchemas);
  const defs = Object.fromEntries(types.map((type) => [type, rebased(inputSchema(aggregate.commandSchemas[type]!), `#/$defs/${type}`)]));
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: `Commands of ${aggregate.name}`,
    description: `The record's key is the ${aggregate.id}.`,
    oneOf: types.map((type) => ({
      type: "object",
      required: requiredOf(inputSchema(aggregate.commandSchemas[type]!)).length > 0 ? ["type", "data"] : ["type"],
      properties: { type: { const: type }, data: { $ref: `#/$defs/${type}` }, id: { type: "string", pattern: "^[\\x21-\\x7e]{1,255}$" } },
      additionalProperties: false,
    })),
    $defs: defs,
  };
}

/** References of a schema to its own root, from where it stands now. */
function rebased(schema: unknown, base: string): unknown {
  if (Array.isArray(schema)) return schema.map((item) => rebased(item, base));
  if (!isObject(schema)) return schema;
  return Object.fromEntries(
    Object.entries(schema).map(([name, value]) => [
      name,
      name === "$ref" && typeof value === "string" ? value.replace(/^#/, base) : rebased(value, base),
    ]),
  );
}
