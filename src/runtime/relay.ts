/**
 * Carries committed events from the write store to Kafka, one log (I2, I3).
 * It trusts nothing it remembers: where it is comes from Kafka's tail, read before the store's, and every read of the store begins with
 * the event that was last handled. So a second relay, a crash or a repeat only adds duplicates, which readers skip.
 */
import { isTidemarkError } from "../errors.ts";
import { type RelayOptions, runRelay } from "./relay-run.ts";
import { pause, wake } from "./wake.ts";

export type { RelayOptions } from "./relay-run.ts";

export type RelayState = "waiting" | "starting" | "running" | "retrying" | "diverged" | "stopped";

export interface Relay {
  readonly log: string;
  state(): { readonly state: RelayState; readonly problem: string | null; readonly relayed: readonly number[] };
  stop(): Promise<void>;
}

export function relay(options: RelayOptions): Relay {
  const { store, identity, logger } = options;
  const stop = new AbortController();
  const appended = wake();
  let state = "waiting" as RelayState;
  let problem: string | null = null;
  let relayed: readonly number[] = [];

  const enter = (next: RelayState, why: Error | null = null) => {
    const said = why === null ? null : isTidemarkError(why) ? `${why.code}: ${why.message}` : why.message;
    if (next !== state || said !== problem) {
      const fields = { log: identity.log, ...(said === null ? {} : { problem: said }) };
      if (next === "diverged") logger.error(`relay of log '${identity.log}' refused`, fields);
      else if (next === "retrying") logger.warn(`relay of log '${identity.log}' is interrupted and tries again`, fields);
      else logger.info(`relay of log '${identity.log}' is ${next}`, fields);
    }
    state = next;
    problem = said;
  };

  const done = (async () => {
    let backOffMs = 100;
    const unsubscribe = await untilDone(
      stop.signal,
      () => store.onAppended((log) => (log === undefined || log === identity.log) && appended.signal()),
      (error) => enter("retrying", asError(error)),
    );
    while (!stop.signal.aborted) {
      try {
        const run = async (lost: AbortSignal) => {
          const ended = AbortSignal.any([lost, stop.signal]);
          if (state === "waiting") enter("starting");
          try {
            await runRelay(options, ended, appended, (positions) => {
              relayed = positions;
              backOffMs = 100;
              enter("running");
            });
          } finally {
            if (lost.aborted && !stop.signal.aborted) enter("waiting");
          }
        };
        if (state !== "retrying") enter("waiting");
        if (options.exclusive === false) await run(new AbortController().signal);
        else await store.withOwnership(`relay ${identity.log}`, stop.signal, run);
        // Its turn is over, by a lost ownership for instance.
        await pause(backOffMs, stop.signal);
      } catch (error) {
        if (stop.signal.aborted) break;
        if (isRefusal(error)) {
          enter("diverged", asError(error));
          return unsubscribe?.();
        }
        enter("retrying", asError(error));
        await pause(backOffMs, stop.signal);
        backOffMs = Math.min(backOffMs * 2, 2_000);
      }
    }
    enter("stopped");
    await unsubscribe?.();
  })();

  return {
    log: identity.log,
    state: () => ({ state, problem, relayed }),
    async stop() {
      stop.abort();
      await done;
    },
  };
}

const isRefusal = (error: unknown) =>
  isTidemarkError(error, "LOG_DIVERGED") || isTidemarkError(error, "INVALID_SETTING") || isTidemarkError(error, "PARTITIONS_CHANGED");

const asError = (thrown: unknown): Error => (thrown instanceof Error ? thrown : new Error(String(thrown)));

async function untilDone<T>(stop: AbortSignal, attempt: () => Promise<T>, failed: (error: unknown) => void): Promise<T | undefined> {
  while (!stop.aborted) {
    try {
      return await attempt();
    } catch (error) {
      failed(error);
      await pause(500, stop);
    }
  }
  return undefined;
}
