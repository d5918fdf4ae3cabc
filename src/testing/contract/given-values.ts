/** Documents and keys that are hard to keep. */
import type { Document } from "../../core/definition.ts";

const texts = [
  "",
  " ",
  "plain",
  "null",
  "a'b\"c\\d`e",
  "$set",
  "a.b.c",
  "${x} %s {{y}} <b>&amp;",
  "tab\tnew\nline\r\u0001\u001f\u007f",
  "\u2028\u2029\u00a0\ufeff",
  "e\u0301 is not é",
  "Ångström ǅ ﬁ ß İ",
  "שלום \u202eمرحبا\u202c",
  "👩‍👩‍👧‍👦 🇪🇺 \u{10ffff}",
  "汉字仮名",
];

const numbers = [0, 1, -1, 2 ** 31, -(2 ** 31) - 1, 2 ** 32 + 1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER];
const reals = [0, 0.1, -0.3, 1e21, 1e-7, 1.7976931348623157e308, 5e-324, 2 ** 53 + 2, 12345678901234567000, -1e300, 3.0];

const dates = ["2026-03-01T10:00:00Z", "2026-03-01T10:00:00.123456+05:30", "2026-02-30", "0000-01-01", "10:00", "1e5", "-0", "true"];

/** As a handler makes them: also what is no JSON yet. */
export const documents: readonly Document[] = [
  { label: null },
  { label: null, size: null },
  { label: "x", size: undefined, real: undefined },
  { label: "x", flag: true },
  { label: "x", flag: false, size: 0, real: 0 },
  ...texts.map((label) => ({ label, more: { [`k ${label}`]: label, list: [label, null, [label]] } })),
  ...numbers.map((size) => ({ label: "n", size, more: [size, { size }] })),
  ...reals.map((one) => ({ label: "r", real: one, more: [one, { one }] })),
  // JSON has no -0
  { label: "r", real: -0, more: [-0] },
  // JSON text beyond 2^53 is what JSON.parse makes of it
  { label: "r", more: JSON.parse("[9007199254740993, 123456789012345678901234567890, 0.1000000000000000055511151231257827]") as unknown },
  ...dates.map((label) => ({ label, more: { at: label, [label]: label } })),
  { label: "empty", more: {} },
  { label: "empty", more: [] },
  { label: "empty", more: [[], {}, [[]], null, ""] },
  { label: "order", more: { "z": 1, "a": 2, 10: 3, 9: 4, "": 5 } },
  { label: "deep", more: Array.from({ length: 40 }).reduce<unknown>((inner, _, i) => (i % 2 === 0 ? [inner] : { inner }), "end") },
  { label: "long list", more: Array.from({ length: 3_000 }, (_, i) => i) },
];

/** Kept as given, or refused: some store has a meaning of its own for each. */
export const odd: readonly Document[] = [
  { label: "u0000\0" },
  { label: "x", more: { "u0000\0": 1, "text": "\0" } },
  { label: "half \ud83d of a pair" },
  { label: "x", more: ["\udc00", { "\ud800": 1 }] },
  { label: "x", more: { "$set": { a: 1 }, "a.b": 1, ".": 2, "..": 3, "$": 4 } },
  { label: "x", more: { $oid: "507f1f77bcf86cd799439011" } },
  { label: "x", more: { $date: "2026-01-01T00:00:00Z", $numberLong: "1" } },
  { label: "x", more: { $ref: "things", $id: "1" } },
  { label: "x", more: { _bsontype: "ObjectId", id: "1" } },
  { label: "x", more: { toJSON: 1, toBSON: 2, length: 3, constructor: 4, hasOwnProperty: 5 } },
  { label: "x", more: JSON.parse('{ "__proto__": { "a": 1 } }') as unknown },
  { label: "x", more: { type: "nested", properties: {}, _source: 1, _type: 2, _index: 3 } },
  { label: "x", extra: 1 },
  { "label": "x", "a.b": 1 },
  { label: "x", $inc: { size: 1 } },
  { label: "x", _id: "other", _key: "other", _version: 7 },
  { label: "x", more: Array.from({ length: 150 }).reduce<unknown>((inner) => [inner], "end") },
];

export const keys = [
  ...texts.filter((one) => one !== "" && one !== "null"),
  "k".repeat(512),
  "é".repeat(256),
  "_id",
  "_tidemark",
  "__proto__",
  "constructor",
  "0",
  "null",
  "-1",
  "a/b?c=d#e%2F",
  "..",
  "*",
  ",",
];
export const noKeys = ["\0", "a\0b", "\ud800", "x\udc00y"];
