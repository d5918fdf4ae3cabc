/** Callers that each make the next call when the last one is answered. */
export interface LoopResult {
  /** Calls that were answered in the time. */
  readonly calls: number;
  /** From start to the last answer. */
  readonly seconds: number;
  readonly latenciesMs: readonly number[];
}

/** `call` makes one unit of work and says how many calls that was. No unit begins after `seconds`; those under way are waited for. */
export async function closedLoop(callers: number, seconds: number, call: (caller: number) => Promise<number>): Promise<LoopResult> {
  const startedAt = performance.now();
  const until = startedAt + seconds * 1_000;
  const latenciesMs: number[] = [];
  let calls = 0;
  const caller = async (_: unknown, i: number) => {
    for (let now = performance.now(); now < until;) {
      const made = await call(i);
      calls += made;
      const then = performance.now();
      latenciesMs.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return { calls, seconds: (performance.now() - startedAt) / 1_000, latenciesMs };
}
