/**
 * Carries committed events from the write store to Kafka, one log (I2, I3). Relays of one log share its partitions.
 * It trusts nothing it remembers: where it is comes from Kafka's tail, read before the store's, and every read of the store begins with
 * the event that was last handled. So a second relay, a crash or a repeat only adds duplicates, which readers skip.
 */
import { isTidemarkError } from "../errors.ts";
import type { Share } from "./ports.ts";
import { type RelayOptions, type RelayWake, runRelay } from "./relay-run.ts";
import { pause, wake } from "./wake.ts";

export type { RelayOptions } from "./relay-run.ts";

/** waiting: it has no partition, others serve them all. */
export type RelayState = "waiting" | "starting" | "running" | "retrying" | "diverged" | "stopped";

export interface RelayStatus {
  readonly state: RelayState;
  readonly problem: string | null;
  /** By partition: up to where this relay has seen Kafka's acknowledgement; 0 for one that it has not served. */
  readonly relayed: readonly number[];
  /** Those that this relay serves now, ascending. */
  readonly partitions: readonly number[];
}

export interface Relay {
  readonly log: string;
  state(): RelayStatus;
  stop(): Promise<void>;
}

export function relay(options: RelayOptions): Relay {
  const { store, identity, logger } = options;
  const stop = new AbortController();
  const woken: RelayWake & { doubts: number } = Object.assign(wake(), { doubts: 0, onRecent: null });
  let state = "waiting" as RelayState;
  let problem: string | null = null;
  const relayed = Array<number>(identity.partitions).fill(0);
  let partitions: readonly number[] = [];

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
      () =>
        store.onAppended((log, recent) => {
          if (log !== undefined && log !== identity.log) return;
          if (recent) return woken.onRecent?.();
          woken.doubts += 1;
          woken.signal();
        }),
      (error) => enter("retrying", asError(error)),
    );
    while (!stop.signal.aborted) {
      try {
        const run = async (share: Share) => {
          share.onChange(() => woken.signal());
          try {
            await runRelay(options, share, woken, {
              starts: () => state === "waiting" && enter("starting"),
              serves(now) {
                partitions = now;
                backOffMs = 100;
                enter(now.length > 0 ? "running" : "waiting");
              },
              relayed: (partition, position) => void (relayed[partition] = position),
            });
          } finally {
            partitions = [];
            if (share.lost.aborted && !stop.signal.aborted) enter("waiting");
          }
        };
        if (state !== "retrying") enter("waiting");
        if (options.exclusive === false) await run(everything(identity.partitions, stop.signal));
        else await store.shareOwnership(`relay ${identity.log}`, identity.partitions, stop.signal, run);
        // Its turn is over, by a lost share for instance.
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
    state: () => ({ state, problem, relayed: [...relayed], partitions }),
    async stop() {
      stop.abort();
      await done;
    },
  };
}

const everything = (partitions: number, lost: AbortSignal): Share => ({
  parts: [...Array(partitions).keys()],
  leaving: [],
  lost,
  onChange: () => undefined,
  release: () => undefined,
});

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
