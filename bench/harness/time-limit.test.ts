import assert from "node:assert/strict";
import { test } from "node:test";
import { deadline, timeLimit } from "./time-limit.ts";

test("what fits in what is left is let in, to the second", () => {
  const limit = timeLimit(100, () => 80);
  assert.equal(limit.fits(20), true);
  assert.equal(limit.fits(21), false);
});

test("on a machine that took twice as long so far, half as much fits", () => {
  const limit = timeLimit(100, () => 80);
  limit.took(10, 20);
  limit.took(30, 60);
  assert.equal(limit.fits(10), true);
  assert.equal(limit.fits(11), false);
});

test("a machine that was quicker so far is not taken to stay so", () => {
  const limit = timeLimit(100, () => 80);
  limit.took(40, 10);
  assert.equal(limit.fits(21), false);
});

test("a deadline rejects with its error, and not once it is cleared", async () => {
  await assert.rejects(deadline(1, () => new Error("late")).passed, /^Error: late$/);
  const cleared = deadline(1, () => new Error("late"));
  cleared.clear();
  const later = deadline(5, () => new Error("later"));
  await assert.rejects(Promise.race([cleared.passed, later.passed]), /^Error: later$/);
});
