import assert from "node:assert/strict";
import { test } from "node:test";
import { binaryArray } from "./binary-array.ts";

test("an array has its dimension, element type, length, and each element with its size", () => {
  assert.deepEqual(
    binaryArray("int4", [1, -1]).toString("hex"),
    "00000001" + "00000000" + "00000017" + "00000002" + "00000001" + "00000004" + "00000001" + "00000004" + "ffffffff",
  );
  assert.deepEqual(
    binaryArray("text", ["é"]).toString("hex"),
    "00000001" + "00000000" + "00000019" + "00000001" + "00000001" + "00000002" + "c3a9",
  );
});

test("an empty array has no dimension", () => {
  assert.equal(binaryArray("text", []).toString("hex"), "00000000" + "00000000" + "00000019");
});

test("nulls are counted in the header and have size -1", () => {
  const bytes = binaryArray("bool", [true, null]);
  assert.equal(bytes.readInt32BE(4), 1);
  assert.equal(bytes.readInt32BE(bytes.length - 4), -1);
});

test("what is not of the type is refused", () => {
  assert.throws(() => binaryArray("text", [1]), TypeError);
  assert.throws(() => binaryArray("uuid", ["no-uuid"]), TypeError);
  assert.throws(() => binaryArray("int4", [2 ** 31]), RangeError);
});
