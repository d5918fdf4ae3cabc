/** A mutant counts as found only by a test that says so. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { baselineProblems, baselineRuns } from "./baseline.ts";
import { type Mutant, patched } from "./mutant.ts";
import type { TestEnd } from "./reporter.ts";
import type { TestRunResult } from "./run-tests.ts";
import { verdictOf } from "./verdict.ts";

const run = (ends: readonly TestEnd[], given: Partial<TestRunResult> = {}): TestRunResult => ({
  ends,
  exitCode: ends.every((end) => end.passed) ? 0 : 1,
  timedOut: false,
  seconds: 1,
  stderr: "",
  ...given,
});
const passed: TestEnd = { name: "passes", passed: true, ms: 1 };
const failed = (kind: string, type = "testCodeFailure"): TestEnd => ({
  name: "fails",
  passed: false,
  ms: 1,
  failure: { type, kind, message: "why" },
});

test("found: an assertion, an error that the code under test threw, a test that reached its own limit", () => {
  for (const end of [
    failed("AssertionError ERR_ASSERTION"),
    failed("TidemarkError LOG_GAP"),
    failed("error 23505"),
    failed("Error", "testTimeoutFailure"),
  ]) {
    assert.equal(verdictOf(run([passed, end])).is, "found");
  }
});

test("survived: all tests pass", () => {
  assert.equal(verdictOf(run([passed])).is, "survived");
});

test("invalid: a program that is broken, that hung, or in which no test ran", () => {
  for (const kind of ["TypeError", "ReferenceError", "SyntaxError", "error 42601", "error 42703"])
    assert.equal(verdictOf(run([passed, failed(kind)])).is, "invalid", kind);
  assert.equal(verdictOf(run([], { exitCode: 1, stderr: "SyntaxError" })).is, "invalid");
  assert.equal(verdictOf(run([passed], { exitCode: 7 })).is, "invalid");
  assert.equal(verdictOf(run([passed], { exitCode: null, timedOut: true })).is, "invalid");
});

const mutant: Mutant = {
  name: "m",
  clause: "I1",
  takes: "",
  file: "f",
  find: "a + b",
  replace: "a - b",
  tests: [{ file: "t", pattern: "one" }],
};

test("a patch fits as often as it says, or not at all", () => {
  assert.equal(patched(mutant, "x = a + b;"), "x = a - b;");
  assert.throws(() => patched(mutant, "x = a * b;"), /0 times/);
  assert.throws(() => patched(mutant, "x = a + b; y = a + b;"), /2 times/);
  assert.equal(patched({ ...mutant, times: 2 }, "a + b a + b"), "a - b a - b");
  assert.throws(() => patched({ ...mutant, replace: mutant.find }, "a + b"), /changes nothing/);
});

test("without a patch each file runs once, every test passes, and every pattern names one", () => {
  const other = { ...mutant, name: "n", tests: [{ file: "t", pattern: "two" }, { file: "u" }] };
  const runs = baselineRuns([mutant, other]);
  assert.deepEqual(runs, [
    { file: "t", patterns: ["one", "two"] },
    { file: "u", patterns: [] },
  ]);
  const ends = ["one", "suite two"].map((name) => ({ ...passed, name }));
  assert.deepEqual(baselineProblems(runs[0]!, run(ends)), []);
  assert.match(baselineProblems(runs[0]!, run(ends.slice(1)))[0]!, /no test is called \/one\//);
  assert.match(baselineProblems(runs[0]!, run([...ends, failed("AssertionError")]))[0]!, /'fails' fails without any patch/);
});
