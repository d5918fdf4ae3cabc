import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import { parseQueryString } from "./query-string.ts";

const any = () => true;
const isInvalid = (error: unknown) => isTidemarkError(error, "INVALID_CURSOR");

describe("cursor", () => {
  const values = fc.array(fc.oneof(fc.string(), fc.integer(), fc.boolean(), fc.constant(null)), { maxLength: 3 });
  test("comes back as it went out", () =>
    fc.assert(
      fc.property(fc.string(), values, (binding, given) =>
        assert.deepEqual(parseCursor(binding, formatCursor(binding, given), any), given),
      ),
    ));
  test("of another query is refused", () =>
    fc.assert(
      fc.property(fc.string(), fc.string(), values, (a, b, given) => {
        fc.pre(a !== b);
        assert.throws(() => parseCursor(b, formatCursor(a, given), any), isInvalid);
      }),
    ));
  test("changed in one place is refused or the same", () =>
    fc.assert(
      fc.property(values, fc.nat(), fc.stringMatching(/^[A-Za-z0-9_-]$/), (given, at, other) => {
        const cursor = formatCursor("b", given);
        const changed = cursor.slice(0, at % cursor.length) + other + cursor.slice((at % cursor.length) + 1);
        try {
          assert.deepEqual(parseCursor("b", changed, any), given);
        } catch (error) {
          assert.ok(isInvalid(error));
        }
      }),
    ));
  test("with values that do not fit is refused", () =>
    assert.throws(() => parseCursor("b", formatCursor("b", [1]), () => false), isInvalid));
  for (const cursor of ["", "a b", "é", "A".repeat(9_000), "W10"])
    test(`refuses ${cursor.slice(0, 10)}`, () => assert.throws(() => parseCursor("b", cursor, any), isInvalid));
});

describe("query string", () => {
  const known = new Set(["a", "b"]);
  test("is read", () => {
    assert.deepEqual(
      [...parseQueryString("/x?a=1%20+2&b=%C3%A9#c", known)],
      [
        ["a", "1  2"],
        ["b", "é"],
      ],
    );
    assert.equal(parseQueryString("/x", known).size, 0);
    assert.equal(parseQueryString("/x?&", known).size, 0);
  });
  for (const [url, parameters] of [
    ["/x?c=1", ["c"]],
    ["/x?a=", ["a"]],
    ["/x?a", ["a"]],
    ["/x?a=1&a=1", ["a"]],
    ["/x?a=%", ["a"]],
    ["/x?%zz=1", ["%zz"]],
    ["/x?a=&c=1&b=1&b=2", ["a", "c", "b"]],
    ["/x?__proto__=1", ["__proto__"]],
  ] as const) {
    test(`refuses ${url}`, () =>
      assert.throws(
        () => parseQueryString(url, known),
        (error) =>
          isTidemarkError(error, "INVALID_PARAMETER") &&
          assert.deepEqual(
            error.details.issues.map((issue) => issue.parameter),
            parameters,
          ) === undefined,
      ));
  }
});
