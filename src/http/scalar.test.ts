import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { inputSchema } from "./json-schema.ts";
import { scalarCheck, scalarParser } from "./scalar.ts";

const schemaOf = (schema: z.ZodType) => inputSchema(schema);
const parse = (schema: z.ZodType, text: string) => {
  const root = schemaOf(schema);
  const parser = scalarParser(root, root);
  assert.ok(parser !== undefined);
  const parsed = parser(text);
  return parsed.problem === undefined ? parsed.value : "refused";
};

describe("a parameter's text", () => {
  const cases: readonly (readonly [string, z.ZodType, string, unknown])[] = [
    ["text", z.string(), "1", "1"],
    ["text or null", z.string().nullable(), "null", "null"],
    ["a pattern", z.string().regex(/^a+$/), "aa", "aa"],
    ["a pattern that is not met", z.string().regex(/^a+$/), "b", "refused"],
    ["length counts characters", z.string().max(2), "😀😀", "😀😀"],
    ["too long", z.string().max(2), "abc", "refused"],
    ["U+0000", z.string(), "a\u0000", "refused"],
    ["one of an enumeration", z.enum(["A", "B"]), "A", "A"],
    ["none of it", z.enum(["A", "B"]), "a", "refused"],
    ["an integer", z.int(), "-7", -7],
    ["no integer", z.int(), "1.5", "refused"],
    ["an integer in other clothes", z.int(), "07", "refused"],
    ["out of range", z.int().min(1), "0", "refused"],
    ["a number", z.number(), "1.25", 1.25],
    ["no number", z.number(), "1e3", "refused"],
    ["a truth value", z.boolean(), "true", true],
    ["no truth value", z.boolean(), "1", "refused"],
    ["a number or null", z.number().nullable(), "3", 3],
  ];
  for (const [name, schema, text, expected] of cases) test(name, () => assert.equal(parse(schema, text), expected));
  test("an object is no parameter", () => assert.equal(scalarParser(schemaOf(z.object({})), schemaOf(z.object({}))), undefined));
});

test("a value from a cursor must be one that the field can hold", () => {
  const fits = (schema: z.ZodType, value: unknown) => scalarCheck(schemaOf(schema), schemaOf(schema))(value);
  assert.deepEqual(
    [
      fits(z.string(), "a"),
      fits(z.int(), 1),
      fits(z.boolean(), true),
      fits(z.string().nullable(), null),
      fits(z.enum(["A"]).nullable(), null),
    ],
    [true, true, true, true, true],
  );
  assert.deepEqual(
    [
      fits(z.string(), 1),
      fits(z.string(), null),
      fits(z.string(), "\u0000"),
      fits(z.int(), 1.5),
      fits(z.int(), "1"),
      fits(z.string(), { in: ["a"] }),
      fits(z.number(), NaN),
    ],
    [false, false, false, false, false, false, false],
  );
});
