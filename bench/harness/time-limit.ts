/** A wall-clock limit for a run of many benchmarks: what no longer fits is left out and told of, and what runs past the end fails. */

export interface TimeLimit {
  /** Whether one that takes so long on a quiet machine is likely to be through before the limit; a machine that was slow so far is taken to stay so. */
  fits(expectedSeconds: number): boolean;
  /** Told after each one, by what it was said to take and what it took. */
  took(expectedSeconds: number, seconds: number): void;
}

/** `elapsedSeconds`: since the command began, what came before the first benchmark with it. */
export function timeLimit(limitSeconds: number, elapsedSeconds: () => number): TimeLimit {
  let expected = 0;
  let taken = 0;
  return {
    fits: (expectedSeconds) => elapsedSeconds() + expectedSeconds * Math.max(1, expected === 0 ? 1 : taken / expected) <= limitSeconds,
    took(expectedSeconds, seconds) {
      expected += expectedSeconds;
      taken += seconds;
    },
  };
}

/** Rejects with what `error` makes once the time is up. `clear` before that, or the process waits for it. */
export function deadline(milliseconds: number, error: () => Error): { readonly passed: Promise<never>; clear(): void } {
  const { promise, reject } = Promise.withResolvers<never>();
  const timer = setTimeout(() => reject(error()), milliseconds);
  return { passed: promise, clear: () => clearTimeout(timer) };
}
