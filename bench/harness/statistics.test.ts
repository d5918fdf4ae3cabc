import assert from "node:assert/strict";
import { test } from "node:test";
import { median, percentile, ratio, summary } from "./statistics.ts";

test("the median of an odd and of an even number of rounds", () => {
  assert.equal(median([3, 1, 2]), 2);
  assert.equal(median([4, 1, 3, 2]), 2.5);
  assert.ok(Number.isNaN(median([])));
});

test("the spread is from the lowest to the highest round", () => {
  assert.deepEqual(summary([5, 1, 3]), { median: 3, min: 1, max: 5 });
});

test("a ratio is the median of the rounds' own ratios: a round that was slow for both changes nothing", () => {
  assert.deepEqual(ratio([100, 10, 100], [50, 5, 50]), { median: 2, min: 2, max: 2 });
  // the ratio of the medians would be 100 / 50
  assert.equal(ratio([100, 100, 10], [50, 100, 50]).median, 1);
});

test("rounds that do not lie side by side are not set in proportion", () => {
  assert.throws(() => ratio([1, 2], [1]), /2 rounds/);
});

test("a percentile is one of the values", () => {
  const values = Array.from({ length: 100 }, (_, i) => 100 - i);
  assert.equal(percentile(values, 0.5), 51);
  assert.equal(percentile(values, 0.99), 100);
  assert.ok(Number.isNaN(percentile([], 0.5)));
});
