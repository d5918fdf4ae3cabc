import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { parseIfMatch } from "./if-match.ts";

describe("If-Match", () => {
  for (const [header, expected] of [
    [undefined, undefined],
    ['"3"', 3],
    [' "0" ', 0],
    ["*", "existing"],
    ['"1", "2"', [1, 2]],
    ['"1","2" ,"3"', [1, 2, 3]],
  ] as const) {
    test(`reads ${String(header)}`, () => assert.deepEqual(parseIfMatch(header), expected));
  }
  for (const header of ["", "3", 'W/"3"', '"a"', '"01"', '"-1"', '"1.0"', '"1" "2"', '"1",', '*, "1"', '"99999999999999999"', "'1'"]) {
    test(`refuses ${header}`, () =>
      assert.throws(
        () => parseIfMatch(header),
        (error) => isTidemarkError(error, "INVALID_HEADER"),
      ));
  }
});
