/** The text of a parameter to the value of a document's field, by the field's JSON Schema. */
import { isObject, type JsonSchema, resolve } from "./json-schema.ts";

export type Scalar = string | number | boolean;
export type Parsed = { readonly value: Scalar; readonly problem?: undefined } | { readonly problem: string };
export type ScalarParser = (text: string) => Parsed;

type Check = (value: Scalar) => string | undefined;

/** undefined where the field holds no scalar, so cannot be a parameter. */
export function scalarParser(root: JsonSchema, unresolved: unknown): ScalarParser | undefined {
  const schema = notNull(root, resolve(root, unresolved));
  const read = readers[typeOf(schema) ?? ""];
  if (read === undefined) return undefined;
  const check = checkOf(schema);
  return (text) => {
    const value = read(text);
    if (value === undefined) return { problem: `is not ${articles[typeOf(schema) ?? ""]}` };
    const problem = check(value);
    return problem === undefined ? { value } : { problem };
  };
}

/** Is `value` one that the field can hold: for values that come back inside a cursor. */
export function scalarCheck(root: JsonSchema, unresolved: unknown): (value: unknown) => boolean {
  const full = resolve(root, unresolved);
  const schema = notNull(root, full);
  const type = typeOf(schema);
  const check = checkOf(schema);
  const nullable = schema !== full || (Array.isArray(full["type"]) && full["type"].includes("null"));
  return (value) => {
    if (value === null) return nullable;
    if (typeof value === "string")
      return type === "string" && value.isWellFormed() && !value.includes("\u0000") && check(value) === undefined;
    if (typeof value === "number")
      return (type === "integer" ? Number.isSafeInteger(value) : type === "number" && Number.isFinite(value)) && check(value) === undefined;
    return typeof value === "boolean" && type === "boolean";
  };
}

/** How one field of a document may be asked for, without what only `null` has. */
export const notNull = (root: JsonSchema, schema: JsonSchema): JsonSchema => {
  const choices = Array.isArray(schema["anyOf"])
    ? schema["anyOf"].map((choice) => resolve(root, choice)).filter((choice) => choice["type"] !== "null")
    : [];
  return choices.length === 1 ? choices[0]! : schema;
};

const typeOf = (schema: JsonSchema): string | undefined => {
  const type = schema["type"];
  const types = Array.isArray(type) ? type.filter((name) => name !== "null") : [type];
  if (types.length === 1 && typeof types[0] === "string") return types[0];
  const values: readonly unknown[] = [
    ...(Array.isArray(schema["enum"]) ? (schema["enum"] as readonly unknown[]) : []),
    ...("const" in schema ? [schema["const"]] : []),
  ];
  return values.length > 0 && values.every((value) => typeof value === "string") ? "string" : undefined;
};

const articles: Readonly<Record<string, string>> = {
  string: "a string",
  integer: "an integer",
  number: "a number",
  boolean: "true or false",
};

const readers: Readonly<Record<string, (text: string) => Scalar | undefined>> = {
  string: (text) => (text.isWellFormed() && !text.includes("\u0000") ? text : undefined),
  integer: (text) => (/^(0|-?[1-9]\d*)$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : undefined),
  number: (text) => (/^-?(0|[1-9]\d*)(\.\d+)?$/.test(text) && Number.isFinite(Number(text)) ? Number(text) : undefined),
  boolean: (text) => (text === "true" ? true : text === "false" ? false : undefined),
};

function checkOf(schema: JsonSchema): Check {
  const checks: Check[] = [];
  const values = Array.isArray(schema["enum"])
    ? schema["enum"].filter((value) => value !== null)
    : "const" in schema
      ? [schema["const"]]
      : undefined;
  if (values !== undefined) checks.push((value) => (values.includes(value) ? undefined : `must be one of ${values.join(", ")}`));
  if (typeof schema["pattern"] === "string") {
    const pattern = new RegExp(schema["pattern"], "u");
    checks.push((value) => (pattern.test(String(value)) ? undefined : `must match ${pattern.source}`));
  }
  limit(schema["minLength"], (least) =>
    checks.push((value) => (lengthOf(value) >= least ? undefined : `must have ${least} characters at least`)),
  );
  limit(schema["maxLength"], (most) =>
    checks.push((value) => (lengthOf(value) <= most ? undefined : `must have ${most} characters at most`)),
  );
  limit(schema["minimum"], (least) => checks.push((value) => (Number(value) >= least ? undefined : `must be ${least} at least`)));
  limit(schema["maximum"], (most) => checks.push((value) => (Number(value) <= most ? undefined : `must be ${most} at most`)));
  for (const part of Array.isArray(schema["allOf"]) ? schema["allOf"].filter(isObject) : []) checks.push(checkOf(part));
  return (value) => {
    for (const check of checks) {
      const problem = check(value);
      if (problem !== undefined) return problem;
    }
    return undefined;
  };
}

/** JSON Schema counts characters, not UTF-16 units. */
const lengthOf = (value: Scalar): number => Array.from(String(value)).length;

function limit(keyword: unknown, add: (bound: number) => unknown): void {
  if (typeof keyword === "number") add(keyword);
}
