/** The end of a wait: by time, by a signal, or told. */
export interface Stopper {
  readonly reached: boolean;
  /** Resolves when it is reached. */
  readonly promise: Promise<void>;
  now(): void;
  orAfter(ms: number): Promise<void>;
  release(): void;
}

/** Reached after `ms`, when `signal` aborts, or when told. */
export function stopper(signal: AbortSignal, ms: number): Stopper {
  const { promise, resolve } = Promise.withResolvers<void>();
  let reached = signal.aborted;
  const now = () => {
    reached = true;
    resolve();
  };
  if (reached) resolve();
  const timer = setTimeout(now, ms);
  signal.addEventListener("abort", now);
  return {
    get reached() {
      return reached;
    },
    promise,
    now,
    async orAfter(pauseMs) {
      const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
      const pauseTimer = setTimeout(pass, pauseMs);
      await Promise.race([passed, promise]);
      clearTimeout(pauseTimer);
    },
    release() {
      clearTimeout(timer);
      signal.removeEventListener("abort", now);
    },
  };
}
