/** Example values for documentation, made from a JSON Schema. */
import { isObject, type JsonSchema, resolve } from "./json-schema.ts";

const named: Readonly<Record<string, string>> = {
  email: "ann@example.org",
  name: "Ann",
  productId: "p-1",
  customerId: "c-1",
  orderId: "o-1",
  reason: "changed my mind",
  method: "card",
};
const texts = [
  "12.50",
  "o-1",
  "2026-03-01T10:00:00.000Z",
  "2026-03-01",
  "text",
  "ann@example.org",
  "01934f5c-7d10-7000-8000-000000000001",
  "1",
  "A",
];

/** A value that the schema takes as far as its keywords tell; undefined where none was found. */
export function exampleOf(root: JsonSchema, unresolved: unknown, name = "", depth = 0): unknown {
  const schema = resolve(root, unresolved);
  if (Array.isArray(schema["examples"]) && schema["examples"].length > 0) return schema["examples"][0];
  for (const keyword of ["example", "default", "const"]) if (keyword in schema) return schema[keyword];
  if (Array.isArray(schema["enum"])) return schema["enum"][0];
  const choices = schema["anyOf"] ?? schema["oneOf"];
  if (Array.isArray(choices) && choices.length > 0) return exampleOf(root, choices[0], name, depth);
  if (depth > 8) return undefined;
  const type: unknown = Array.isArray(schema["type"]) ? schema["type"][0] : schema["type"];
  if (type === "object" || isObject(schema["properties"])) return exampleObject(root, schema, depth);
  if (type === "array")
    return Array.from({ length: Math.max(1, Number(schema["minItems"] ?? 1)) }, () => exampleOf(root, schema["items"], "", depth + 1));
  if (type === "string") return exampleText(schema, name);
  if (type === "integer" || type === "number") return Math.max(Number(schema["minimum"] ?? 1), Math.min(1, Number(schema["maximum"] ?? 1)));
  return type === "boolean" ? true : null;
}

function exampleObject(root: JsonSchema, schema: JsonSchema, depth: number): unknown {
  const properties = isObject(schema["properties"]) ? schema["properties"] : {};
  const members = Object.entries(properties).map(([name, property]) => [name, exampleOf(root, property, name, depth + 1)] as const);
  return Object.fromEntries(members.filter(([, value]) => value !== undefined));
}

function exampleText(schema: JsonSchema, name: string): string | undefined {
  const fits = (text: string) =>
    text.length >= Number(schema["minLength"] ?? 0) &&
    text.length <= Number(schema["maxLength"] ?? Infinity) &&
    (typeof schema["pattern"] !== "string" || new RegExp(schema["pattern"], "u").test(text));
  const own = Object.hasOwn(named, name) ? [named[name]!] : name.endsWith("At") ? ["2026-03-01T10:00:00.000Z"] : [];
  // A pattern is met by trying the usual forms; without one, anything will do, so the plain word.
  return [...own, ...(schema["pattern"] === undefined ? ["text"] : []), ...texts].find(fits);
}
