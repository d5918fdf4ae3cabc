/** Looks in the processes' logs for what must never be there, however much is killed. */
import type { Program } from "./program.ts";

export interface LogWatch {
  /** New lines since the last call, with the process's name. */
  faults(): string[];
}

/** A stopped partition, a refused history, a fault of the program: all that is logged as an error, and what a crash prints. */
const forbidden =
  /"level":"(error|fatal)"|LOG_GAP|LOG_DIVERGED|HANDLER_FAILED|UNKNOWN_EVENT|PARTITIONS_CHANGED|UnhandledPromise|unhandled|TypeError|ReferenceError|RangeError|AssertionError|deadlock detected|heap out of memory/;

export function logWatch(programs: readonly Program[]): LogWatch {
  const seen = new Map<string, number>();
  return {
    faults: () =>
      programs.flatMap((program) => {
        const text = program.log();
        const news = text.slice(seen.get(program.name) ?? 0);
        seen.set(program.name, text.length);
        return news
          .split("\n")
          .filter((line) => forbidden.test(line))
          .slice(0, 3)
          .map((line) => `${program.name} logged: ${line.slice(0, 600)}`);
      }),
  };
}
