/** The results in columns. */
import type { Mutant } from "./mutant.ts";
import type { Verdict } from "./verdict.ts";

export interface Line {
  readonly mutant: Mutant;
  readonly verdict?: Verdict;
  readonly seconds?: number;
}

export function table(lines: readonly Line[]): string {
  const rows = lines.map(({ mutant, verdict, seconds }) =>
    verdict === undefined
      ? [mutant.clause, mutant.name, mutant.takes, mutant.tests.map(({ file }) => file).join(", ")]
      : [mutant.clause, mutant.name, foundBy(verdict), (seconds ?? 0).toFixed(1)],
  );
  const head = lines[0]?.verdict === undefined ? ["", "mutant", "takes away", "tests"] : ["", "mutant", "found by", "s"];
  const all = [head, ...rows];
  const widths = head.map((_, column) => Math.max(...all.map((row) => row[column]!.length)));
  return all
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column]!))
          .join("  ")
          .trimEnd()}\n`,
    )
    .join("");
}

const foundBy = (verdict: Verdict): string =>
  verdict.is === "found"
    ? `${verdict.by} (${verdict.kind})`
    : verdict.is === "survived"
      ? "SURVIVED"
      : `INVALID: ${verdict.problem.split("\n")[0]}`;
