import assert from "node:assert/strict";
import { test } from "node:test";
import { orders } from "../../examples/orders/domain.ts";
import { commandSchema } from "./command-schema.ts";
import { resolve } from "./json-schema.ts";

test("the schema of a topic of commands names every command, and its references lead somewhere", () => {
  const schema = commandSchema(orders);
  const types = Object.keys(orders.commandSchemas);
  const choices = schema["oneOf"] as { properties: { type: { const: string }; data: { $ref: string } }; required: string[] }[];
  assert.deepEqual(
    choices.map(({ properties }) => properties.type.const),
    types,
  );
  for (const { properties } of choices) assert.equal(resolve(schema, properties.data)["type"], "object");
  const create = choices.find(({ properties }) => properties.type.const === "CreateOrder")!;
  assert.deepEqual(create.required, ["type", "data"]);
  assert.deepEqual(choices.find(({ properties }) => properties.type.const === "SubmitOrder")!.required, ["type"]);
  const references = [...JSON.stringify(schema).matchAll(/"\$ref":"([^"]+)"/g)].map(([, reference]) => reference!);
  for (const reference of references) assert.notDeepEqual(resolve(schema, { $ref: reference }), {}, reference);
});
