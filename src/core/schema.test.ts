import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isTidemarkError } from "../errors.ts";
import { jsonSchemaOf, validate, validateInput } from "./schema.ts";
import { textIssues } from "./text.ts";

test("validation gives the output form, or pointers to what is wrong", () => {
  const schema = z.object({ "a/b~c": z.array(z.object({ n: z.codec(z.string(), z.int(), { decode: Number, encode: String }) })) });
  assert.deepEqual(validate(schema, { "a/b~c": [{ n: "7" }] }), { value: { "a/b~c": [{ n: 7 }] } });
  assert.deepEqual(
    validate(schema, { "a/b~c": [{ n: "7" }, { n: 7 }] }).issues?.map((issue) => issue.pointer),
    ["/a~1b~0c/1/n"],
  );
  assert.deepEqual(
    validate(schema, null).issues?.map((issue) => issue.pointer),
    [""],
  );
});

test("text that no store keeps is refused before the schema sees it", () => {
  assert.deepEqual(
    textIssues({ "a": ["fine", "\u0000"], "b\ud800": 1, "c": { "d/e": "\udc00x" }, "f": "😀" }).map((issue) => issue.pointer),
    ["/a/1", "", "/c/d~1e"],
  );
  assert.deepEqual(validateInput(z.string(), "a\u0000").issues?.length, 1);
  assert.deepEqual(validateInput(z.string(), "a"), { value: "a" });
});

test("JSON Schemas tell both forms of a codec, and what has none is refused", () => {
  const money = z.codec(z.string().regex(/^\d+$/), z.int(), { decode: Number, encode: String });
  assert.equal(jsonSchemaOf(money, "input")["type"], "string");
  assert.equal(jsonSchemaOf(money, "output")["type"], "integer");
  assert.throws(
    () => jsonSchemaOf(z.date(), "output"),
    (error) => isTidemarkError(error, "INVALID_DEFINITION") && error.cause !== undefined,
  );
});
