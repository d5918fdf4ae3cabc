/** Without a patch every test that is to find one must pass: else what it finds would say nothing. */
import type { Mutant } from "./mutant.ts";
import type { TestEnd } from "./reporter.ts";
import type { TestRunResult } from "./run-tests.ts";

export interface BaselineRun {
  readonly file: string;
  /** Empty: all tests of the file. */
  readonly patterns: readonly string[];
}

/** One run for each file, with all patterns that are used. */
export function baselineRuns(mutants: readonly Mutant[]): BaselineRun[] {
  const byFile = new Map<string, Set<string | undefined>>();
  for (const { file, pattern } of mutants.flatMap((mutant) => mutant.tests)) byFile.set(file, (byFile.get(file) ?? new Set()).add(pattern));
  return [...byFile].map(([file, patterns]) => ({
    file,
    patterns: patterns.has(undefined) ? [] : [...patterns].map((pattern) => pattern!),
  }));
}

/** In words, what is wrong with the tests of a file. */
export function baselineProblems({ file, patterns }: BaselineRun, { ends, exitCode, timedOut, stderr }: TestRunResult): string[] {
  const failed = ends
    .filter((end) => !end.passed)
    .map((end: TestEnd) => `${file}: '${end.name}' fails without any patch: ${end.failure?.message ?? ""}`);
  if (failed.length > 0) return failed;
  if (timedOut) return [`${file}: its tests hang`];
  const unused = patterns.filter((pattern) => !ends.some((end) => new RegExp(pattern).test(end.name)));
  if (unused.length > 0) return unused.map((pattern) => `${file}: no test is called /${pattern}/`);
  return exitCode === 0 && ends.length > 0 ? [] : [`${file}: exit code ${exitCode}, ${ends.length} tests: ${stderr}`];
}
