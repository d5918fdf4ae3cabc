/** A small patch that takes one clause of an invariant away, and the tests that must notice it. */
export type Clause = "I1" | "I2" | "I3" | "I4" | "I5" | "I6" | "I7" | "I8" | "I9";

export interface TestRun {
  /** From the root of the project. */
  readonly file: string;
  /** Only tests whose full name (suites before it, joined by a blank) matches. */
  readonly pattern?: string;
}

export interface Mutant {
  readonly name: string;
  readonly clause: Clause;
  /** What is taken away, in a few words. */
  readonly takes: string;
  readonly file: string;
  /** Exact text; found exactly `times` times. */
  readonly find: string;
  readonly replace: string;
  /** 1 unless given. */
  readonly times?: number;
  /** In turn, until one fails. */
  readonly tests: readonly TestRun[];
}

/** @throws Error where `find` is not there as often as it must be, or `replace` changes nothing */
export function patched(mutant: Mutant, source: string): string {
  const { name, file, find, replace, times = 1 } = mutant;
  const parts = source.split(find);
  if (parts.length - 1 !== times)
    throw new Error(`mutant ${name}: its text is ${parts.length - 1} times in ${file}, not ${times}:\n${find}`);
  if (find === replace) throw new Error(`mutant ${name} changes nothing`);
  return parts.join(replace);
}
