import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import { formatToken, maxTokenParts, mergeParts, parseToken, type TokenPart } from "./token.ts";

const logId = "0190a000-0000-7000-8000-000000000001";
const part = (position: number, more: Partial<TokenPart> = {}): TokenPart => ({ log: "orders", logId, partition: 0, position, ...more });
const encode = (value: unknown) => `1.${Buffer.from(typeof value === "string" ? value : JSON.stringify(value)).toString("base64url")}`;

test("a token comes back as it went", () => {
  const parts = [part(7), part(3, { partition: 1 }), part(0, { log: "customers", logId: logId.replace("1", "2") })];
  assert.deepEqual(parseToken(formatToken(parts)), parts);
  assert.match(formatToken(parts), /^1\.[A-Za-z0-9_-]+$/);
});

test("parts of one partition merge to the highest position", () => {
  assert.deepEqual(mergeParts([part(3), part(7), part(5), part(1, { partition: 1 })]), [part(7), part(1, { partition: 1 })]);
  assert.deepEqual(parseToken(formatToken([part(3), part(7)])), [part(7)]);
});

test("any parts survive", () => {
  const anyPart = fc.record(
    { log: fc.string({ minLength: 1, maxLength: 10, unit: "grapheme" }), logId: fc.uuid(), partition: fc.nat(), position: fc.maxSafeNat() },
    { noNullPrototype: true },
  );
  fc.assert(
    fc.property(fc.array(anyPart, { minLength: 1, maxLength: maxTokenParts }), (parts) =>
      assert.deepEqual(parseToken(formatToken(parts)), mergeParts(parts)),
    ),
  );
});

const row = ["orders", logId, 0, 1];
for (const [name, text] of Object.entries({
  "nothing": "",
  "a plain string": "abc",
  "another version": `2.${encode([row]).slice(2)}`,
  "no body": "1.",
  "letters that base64url lacks": "1.a+b/",
  "no JSON": encode("{"),
  "no UTF-8": `1.${Buffer.from([0xff, 0xfe]).toString("base64url")}`,
  "no list": encode({}),
  "an empty list": encode([]),
  "rows that are none": encode([1]),
  "short rows": encode([["orders", logId, 0]]),
  "a log without name": encode([["", logId, 0, 1]]),
  "a log id that is none": encode([["orders", "x", 0, 1]]),
  "a negative partition": encode([["orders", logId, -1, 1]]),
  "a fraction": encode([["orders", logId, 0, 1.5]]),
  "a position beyond counting": encode([["orders", logId, 0, 2 ** 53]]),
  "a position as text": encode([["orders", logId, 0, "1"]]),
  "too many parts": encode(Array.from({ length: maxTokenParts + 1 }, (_, i) => ["orders", logId, i, 1])),
  "too long a text": `1.${"A".repeat(16_384)}`,
})) {
  test(`refused as a token: ${name}`, () =>
    assert.throws(
      () => parseToken(text),
      (error) => isTidemarkError(error, "INVALID_TOKEN"),
    ));
}

test("random text is refused or read, never a crash of another kind", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc.string().map((text) => encode(text)),
        fc.jsonValue().map(encode),
      ),
      (text) => {
        try {
          parseToken(text);
        } catch (error) {
          assert.ok(isTidemarkError(error, "INVALID_TOKEN"));
        }
      },
    ),
  );
});
