import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { parsePrefer, preferenceApplied } from "./prefer.ts";

describe("Prefer", () => {
  const cases: readonly [string | undefined, ReturnType<typeof parsePrefer>][] = [
    [undefined, { lenient: false }],
    ["wait=2", { waitMs: 2_000, lenient: false }],
    ["wait=0", { waitMs: 0, lenient: false }],
    ["wait=31", { waitMs: 30_000, lenient: false }],
    ["wait=99999999999999999999", { waitMs: 30_000, lenient: false }],
    ['Wait="7"', { waitMs: 7_000, lenient: false }],
    ["handling=lenient", { lenient: true }],
    ["handling=lenient, wait=5", { waitMs: 5_000, lenient: true }],
    ["respond-async, wait = 3;x=1", { waitMs: 3_000, lenient: false }],
    ["wait=1, wait=2", { waitMs: 1_000, lenient: false }],
    ["handling=strict", { lenient: false }],
    ["wait=-1", { lenient: false }],
    ["wait=0.5", { lenient: false }],
    ["wait", { lenient: false }],
    ["wait=soon", { lenient: false }],
    ['"wait=5', { lenient: false }],
    [',,=;"', { lenient: false }],
  ];
  for (const [header, expected] of cases) test(`reads ${String(header)}`, () => assert.deepEqual(parsePrefer(header), expected));

  test("says what it heeds", () => {
    assert.equal(preferenceApplied({ waitMs: 2_000, lenient: true }), "wait=2, handling=lenient");
    assert.equal(preferenceApplied({ lenient: false }), undefined);
  });

  test("takes no longer for a long header", () => {
    const startedAt = performance.now();
    parsePrefer(`${"a=".repeat(8_000)}"`);
    parsePrefer(`wait="${"\\".repeat(8_000)}`);
    assert.ok(performance.now() - startedAt < 2_000);
  });
});
