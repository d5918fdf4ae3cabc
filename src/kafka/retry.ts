import { isTidemarkError, TidemarkError } from "../errors.ts";
/** Asking again after failures that may pass, within a time limit. */
import { pause } from "../runtime/wake.ts";
import { isTransient, unavailable } from "./protocol-errors.ts";

export interface RetryOptions {
  /** What is asked, for the message. */
  readonly what: string;
  readonly limitMs: number;
  /** Aborted: the wait ends with CLOSED. */
  readonly closed: AbortSignal;
  /** Runs before each further attempt, after the pause. Its failure counts as one of the attempt. */
  readonly before?: () => Promise<unknown>;
}

const firstPauseMs = 20;
const longestPauseMs = 500;

/**
 * @throws UNAVAILABLE when the limit is over or the failure does not pass (the cause is kept), CLOSED; a TidemarkError of `attempt` as it is
 */
export async function retrying<T>(options: RetryOptions, attempt: () => Promise<T>): Promise<T> {
  const end = performance.now() + options.limitMs;
  for (let pauseMs = firstPauseMs, first = true; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs), first = false) {
    try {
      if (!first) await options.before?.();
      return await attempt();
    } catch (error) {
      if (options.closed.aborted) throw new TidemarkError("CLOSED", { what: options.what }, { cause: error });
      if (isTidemarkError(error) && error.code !== "UNAVAILABLE") throw error;
      if (!isTransient(error) && !isTidemarkError(error)) throw unavailable(options.what, error);
      if (performance.now() + pauseMs > end) throw isTidemarkError(error) ? error : unavailable(options.what, error);
      await pause(pauseMs, options.closed);
    }
  }
}
