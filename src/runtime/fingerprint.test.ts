import assert from "node:assert/strict";
import { test } from "node:test";
import { fingerprintOf } from "./fingerprint.ts";

const of = (data: unknown, type = "Add", stream = "s") => fingerprintOf({ aggregate: "a", type, stream, data });

test("the order of members and absent members make no difference", () => {
  assert.equal(of({ a: 1, b: { c: [1, 2], d: null } }), of({ b: { d: null, c: [1, 2] }, a: 1, e: undefined }));
});

test("any other value, type or stream is another command", () => {
  const different = [
    of({}),
    of([]),
    of(null),
    of(""),
    of("1"),
    of(1),
    of(1n),
    of(true),
    of([1, 2]),
    of([2, 1]),
    of({ a: 1 }),
    of({ a: "1" }),
    of(new Date(0)),
    of(new Date(1)),
    of(new Map([[1, 2]])),
    of(new Set([1])),
    of(new Set([2])),
    of(new Uint8Array([1])),
    of({}, "Other"),
    of({}, "Add", "t"),
  ];
  assert.equal(new Set(different).size, different.length);
});
