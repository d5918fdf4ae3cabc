/**
 * Those who wait for a checkpoint (I5): woken by its commit, in process or by notification. While somebody waits, and only then,
 * one query per process looks again every 250 ms, for the notification that a broken connection lost; `fallbackWakes` counts what only that found.
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
  close(): void;
}

const fallbackMs = 250;

interface Waiter {
  readonly check: () => boolean;
  readonly look: () => Promise<void>;
  readonly settle: (satisfied: boolean) => void;
  readonly fail: (error: unknown) => void;
}

export function waiters(limit: number): Waiters {
  const waiting = new Set<Waiter>();
  let fallback: NodeJS.Timeout | null = null;
  let fallbackWakes = 0;

  const wake = () => {
    for (const waiter of [...waiting]) {
      try {
        if (waiter.check()) waiter.settle(true);
      } catch (error) {
        waiter.fail(error);
      }
    }
  };
  const lookAgain = async () => {
    const before = waiting.size;
    await Promise.allSettled([...new Set([...waiting].map((w) => w.look))].map((look) => look()));
    const left = waiting.size;
    wake();
    if (waiting.size < left && before > 0) fallbackWakes += left - waiting.size;
    fallback = waiting.size === 0 ? null : setTimeout(() => void lookAgain(), fallbackMs);
  };

  return {
    async until(satisfied, look, deadlineAt) {
      if (satisfied()) return true;
      if (waiting.size >= limit) throw new TidemarkError("OVERLOADED", { what: "The number of queries that wait for fresh data", limit });
      return new Promise<boolean>((resolve, reject) => {
        const leave = () => {
          waiting.delete(waiter);
          clearTimeout(timer);
        };
        const waiter: Waiter = {
          check: satisfied,
          look,
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
        fallback ??= setTimeout(() => void lookAgain(), fallbackMs);
        void lookAndCheck(false);
      });
    },
    wake,
    get waiting() {
      return waiting.size;
    },
    get fallbackWakes() {
      return fallbackWakes;
    },
    close() {
      if (fallback !== null) clearTimeout(fallback);
      for (const waiter of [...waiting]) waiter.fail(new TidemarkError("CLOSED", { what: "The service" }));
    },
  };
}
