/**
 * A wake-up that cannot be lost: take `ticket()` before looking, then `after(ticket)` resolves at once if anything was signalled since.
 * No polling; a caller may bound the wait.
 */
export interface Wake {
  signal(): void;
  ticket(): number;
  /** Resolves "woken", or "timeout" after `maxWaitMs`, or "aborted". */
  after(ticket: number, options: { readonly maxWaitMs?: number; readonly signal?: AbortSignal }): Promise<"woken" | "timeout" | "aborted">;
}

export function wake(): Wake {
  let count = 0;
  const sleepers = new Set<() => void>();
  return {
    signal() {
      count += 1;
      for (const sleeper of [...sleepers]) sleeper();
    },
    ticket: () => count,
    after(ticket, { maxWaitMs, signal }) {
      if (signal?.aborted) return Promise.resolve("aborted");
      if (count !== ticket) return Promise.resolve("woken");
      return new Promise((resolve) => {
        const end = (why: "woken" | "timeout" | "aborted") => {
          sleepers.delete(woken);
          signal?.removeEventListener("abort", aborted);
          clearTimeout(timer);
          resolve(why);
        };
        const woken = () => end("woken");
        const aborted = () => end("aborted");
        const timer = maxWaitMs === undefined ? undefined : setTimeout(() => end("timeout"), maxWaitMs);
        sleepers.add(woken);
        signal?.addEventListener("abort", aborted, { once: true });
      });
    },
  };
}

/** Waits, or returns early when aborted. For back-off after faults only. */
export function pause(ms: number, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve();
    const done = () => {
      clearTimeout(timer);
      signal.removeEventListener("abort", done);
      resolve();
    };
    const timer = setTimeout(done, ms);
    signal.addEventListener("abort", done, { once: true });
  });
}
