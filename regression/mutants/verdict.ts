/** Whether a mutant was found by a test, and not by a program that could not run. */
import type { TestEnd } from "./reporter.ts";
import type { TestRunResult } from "./run-tests.ts";

export type Verdict =
  | { readonly is: "found"; readonly by: string; readonly kind: string; readonly message: string }
  | { readonly is: "survived" }
  /** It says nothing: the program broke, or hung until it was ended. */
  | { readonly is: "invalid"; readonly problem: string };

const brokenCode = /^(SyntaxError|TypeError|ReferenceError|ERR_MODULE|ERR_PACKAGE|ERR_UNKNOWN|ERR_INVALID_TYPESCRIPT)/;
/** Class 42 of SQL states is syntax and unknown names; 42P01 is what a dropped table answers. */
const brokenSql = /^\S+ 42(?!P01)/;

/** A test that says that the program behaves otherwise. */
export const tells = (end: TestEnd): boolean =>
  end.failure !== undefined &&
  end.failure.type !== "subtestsFailed" &&
  !brokenCode.test(end.failure.kind) &&
  !brokenSql.test(end.failure.kind);

export function verdictOf({ ends, exitCode, timedOut, stderr }: TestRunResult): Verdict {
  const told = ends.find(tells);
  if (told?.failure !== undefined)
    return {
      is: "found",
      by: told.name,
      kind: told.failure.type === "testCodeFailure" ? told.failure.kind : told.failure.type,
      message: told.failure.message,
    };
  if (timedOut) return { is: "invalid", problem: "its tests hung" };
  const failed = ends.find((end) => !end.passed && end.failure?.type !== "subtestsFailed");
  if (failed?.failure !== undefined)
    return { is: "invalid", problem: `${failed.failure.kind} in '${failed.name}': ${failed.failure.message}` };
  if (ends.length === 0) return { is: "invalid", problem: `no test ran: ${stderr.trim().split("\n").slice(-6).join("\n")}` };
  if (exitCode !== 0)
    return { is: "invalid", problem: `exit code ${exitCode}, and no test failed: ${stderr.trim().split("\n").slice(-6).join("\n")}` };
  return { is: "survived" };
}
