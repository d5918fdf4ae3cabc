/**
 * Those who wait for a checkpoint (I5): woken by its commit, in process or by notification. While somebody waits, and only then,
 * one query per process looks again for those who have waited 250 ms since they last looked: for the notification that a broken connection
 * or a killed worker never sent. `fallbackWakes` counts those whom only that woke.
 */
import { TidemarkError } from "../errors.ts";

/** A position of one place: of (view, generation, log, partition), to the waiters it is but a key. */
export interface Reached {
  readonly key: string;
  readonly position: number;
}

export interface Waiters {
  /**
   * Resolves true as soon as `satisfied` holds, false at the deadline. `look` asks the store and is called
   * after registering, on the fallback and once at the deadline; who is woken within 10 ms needs no look.
   * @param waitsFor what must be reached before `satisfied` can hold; asked only where it does not hold yet. Unless given, any move is for it
   */
  until(satisfied: () => boolean, look: () => Promise<void>, deadlineAt: number, waitsFor?: () => readonly Reached[]): Promise<boolean>;
  /** Those whom this move is for check again; unless it is given, everyone does. */
  wake(moved?: Reached): void;
  readonly waiting: number;
  readonly fallbackWakes: number;
  /** Fails all who wait, and whoever would from now on, with CLOSED. */
  close(): void;
}

const fallbackMs = 250;
/** What is under way already comes sooner than this, and a look of each who waits for it would only hold it up. */
const firstLookMs = 10;
/** Who is due that soon looks with the first: one query for all. */
const togetherMs = 25;

interface Waiter {
  readonly check: () => boolean;
  readonly look: () => Promise<void>;
  readonly settle: (satisfied: boolean) => void;
  readonly fail: (error: unknown) => void;
  readonly waitsFor: readonly Reached[] | null;
  lookedAt: number;
}

const gone = () => new TidemarkError("CLOSED", { what: "The service" });

export function waiters(limit: number): Waiters {
  const waiting = new Set<Waiter>();
  /** Those who wait for a place, by its key, with the position that they wait for; those who said none are under null. */
  const byKey = new Map<string | null, Map<Waiter, number>>();
  let closed = false;
  let fallback: NodeJS.Timeout | null = null;
  let fallbackWakes = 0;

  const enter = (waiter: Waiter) => {
    waiting.add(waiter);
    for (const { key, position } of waiter.waitsFor ?? [{ key: null, position: 0 }]) {
      const there = byKey.get(key) ?? new Map<Waiter, number>();
      byKey.set(key, there.set(waiter, Math.min(position, there.get(waiter) ?? position)));
    }
  };
  const leave = (waiter: Waiter) => {
    waiting.delete(waiter);
    for (const { key } of waiter.waitsFor ?? [{ key: null }]) {
      const there = byKey.get(key);
      there?.delete(waiter);
      if (there?.size === 0) byKey.delete(key);
    }
  };
  const reachedBy = (moved: Reached): Waiter[] => {
    const reached = [...(byKey.get(null)?.keys() ?? [])];
    for (const [waiter, position] of byKey.get(moved.key) ?? []) if (position <= moved.position) reached.push(waiter);
    return reached;
  };

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
    async until(satisfied, look, deadlineAt, waitsFor) {
      if (satisfied()) return true;
      if (closed) throw gone();
      if (waiting.size >= limit) throw new TidemarkError("OVERLOADED", { what: "The number of queries that wait for fresh data", limit });
      return new Promise<boolean>((resolve, reject) => {
        const end = () => {
          leave(waiter);
          clearTimeout(first);
          clearTimeout(timer);
        };
        const waiter: Waiter = {
          check: satisfied,
          look,
          waitsFor: waitsFor?.() ?? null,
          lookedAt: Date.now(),
          settle(result) {
            end();
            resolve(result);
          },
          fail(error) {
            end();
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
        const first = setTimeout(() => void lookAndCheck(false), firstLookMs);
        enter(waiter);
        arm();
      });
    },
    wake: (moved) => void checkAll(moved === undefined ? waiting : reachedBy(moved)),
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
