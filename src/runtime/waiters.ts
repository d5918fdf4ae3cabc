/**
 * Those who wait for a checkpoint (I5): woken by its commit, in process or by notification. While somebody waits, and only then,
 * one query per process looks again for those who have waited 250 ms since they last looked: for the notification that a broken connection
 * or a killed worker never sent. `fallbackWakes` counts those whom only that woke.
 */
import { TidemarkError } from "../errors.ts";

export interface Waiters {
  /**
   * Resolves true as soon as `satisfied` holds, false at the deadline. `look` asks the store and is called
   * first after registering, on the fallback and once at the deadline.
   */
  until(satisfied: () => boolean, look: () => Promise<void>, deadlineAt: number): Promise<boolean>;
  /** Something moved: everyone checks again. */
  wake(): void;
  readonly waiting: number;
  readonly fallbackWakes: number;
  /** Fails all who wait, and whoever would from now on, with CLOSED. */
  close(): void;
}

const fallbackMs = 250;
/** Who is due that soon looks with the first: one query for all. */
const togetherMs = 25;

interface Waiter {
  readonly check: () => boolean;
  readonly look: () => Promise<void>;
  readonly settle: (satisfied: boolean) => void;
  readonly fail: (error: unknown) => void;
  lookedAt: number;
}

const gone = () => new TidemarkError("CLOSED", { what: "The service" });

export function waiters(limit: number): Waiters {
  const waiting = new Set<Waiter>();
  let closed = false;
  let fallback: NodeJS.Timeout | null = null;
  let fallbackWakes = 0;

  /** How many of them it woke. */
  const checkAll = (some: Iterable<Waiter>): number => {
    let woken = 0;
    for (const waiter of [...some]) {
      if (!waiting.has(waiter)) continue;
      try {
        if (!waiter.check()) continue;
        woken += 1;
        waiter.settle(true);
      } catch (error) {
        waiter.fail(error);
      }
    }
    return woken;
  };
  const lookAgain = async () => {
    const due = [...waiting].filter((waiter) => Date.now() - waiter.lookedAt >= fallbackMs - togetherMs);
    for (const waiter of due) waiter.lookedAt = Date.now();
    // A look that fails is no answer: the next one, or the deadline's, will be.
    await Promise.allSettled([...new Set(due.map((waiter) => waiter.look))].map((look) => look()));
    fallbackWakes += checkAll(due);
    fallback = null;
    arm();
  };
  const arm = () => {
    if (fallback !== null || waiting.size === 0) return;
    let oldest = Number.POSITIVE_INFINITY;
    for (const { lookedAt } of waiting) oldest = Math.min(oldest, lookedAt);
    fallback = setTimeout(() => void lookAgain(), Math.max(1, oldest + fallbackMs - Date.now()));
  };

  return {
    async until(satisfied, look, deadlineAt) {
      if (satisfied()) return true;
      if (closed) throw gone();
      if (waiting.size >= limit) throw new TidemarkError("OVERLOADED", { what: "The number of queries that wait for fresh data", limit });
      return new Promise<boolean>((resolve, reject) => {
        const leave = () => {
          waiting.delete(waiter);
          clearTimeout(timer);
        };
        const waiter: Waiter = {
          check: satisfied,
          look,
          lookedAt: Date.now(),
          settle(result) {
            leave();
            resolve(result);
          },
          fail(error) {
            leave();
            reject(error instanceof Error ? error : new Error(String(error)));
          },
        };
        const lookAndCheck = async (last: boolean) => {
          try {
            await look();
            if (!waiting.has(waiter)) return;
            if (waiter.check()) waiter.settle(true);
            else if (last) waiter.settle(false);
          } catch (error) {
            waiter.fail(error);
          }
        };
        const timer = setTimeout(() => void lookAndCheck(true), Math.max(0, deadlineAt - Date.now()));
        waiting.add(waiter);
        arm();
        void lookAndCheck(false);
      });
    },
    wake: () => void checkAll(waiting),
    get waiting() {
      return waiting.size;
    },
    get fallbackWakes() {
      return fallbackWakes;
    },
    close() {
      closed = true;
      if (fallback !== null) clearTimeout(fallback);
      for (const waiter of [...waiting]) waiter.fail(gone());
    },
  };
}
