/** Calls that begin at their times whatever becomes of the others, as those of many independent clients do. */
export interface OpenLoopResult {
  readonly calls: number;
  /** From the time at which the call was due, so a load generator that is late counts against the answer. */
  readonly latenciesMs: readonly number[];
}

/** Calls a second by Poisson's law, in ticks of a millisecond; resolves when the last one is answered. */
export async function openLoop(perSecond: number, seconds: number, call: () => Promise<unknown>): Promise<OpenLoopResult> {
  const latenciesMs: number[] = [];
  const running: Promise<void>[] = [];
  const one = async (dueAt: number) => {
    await call();
    latenciesMs.push(performance.now() - dueAt);
  };
  const startedAt = performance.now();
  for (let tick = 1; tick <= seconds * 1_000; tick += 1) {
    const dueAt = startedAt + tick;
    const wait = dueAt - performance.now();
    if (wait > 0) await new Promise((resolve) => setTimeout(resolve, wait));
    for (let calls = poisson(perSecond / 1_000); calls > 0; calls -= 1) running.push(one(dueAt));
  }
  await Promise.all(running);
  return { calls: running.length, latenciesMs };
}

/** How many come in a tick where `mean` come on average (Knuth's way, for small means). */
function poisson(mean: number): number {
  const limit = Math.exp(-mean);
  let count = 0;
  for (let product = Math.random(); product > limit; product *= Math.random()) count += 1;
  return count;
}
