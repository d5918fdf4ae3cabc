/** Command handling: check, decide on the state at hand, append with all others that wait, answer (I6, I7). */
import type { AnyAggregate } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { Commands, Outcome } from "./app.ts";
import type { End } from "./command-batch.ts";
import { handleBatch } from "./command-batch.ts";
import { checkCommand } from "./command-job.ts";
import type { CheckedCommand } from "./command-job.ts";
import { commandQueue } from "./command-queue.ts";
import { inProgress } from "./in-progress.ts";
import { newId } from "./new-id.ts";
import type { Clock, EventStore, LogIdentity, Logger } from "./ports.ts";
import { snapshots } from "./snapshots.ts";
import { startingStates } from "./starting-states.ts";
import { stateCache } from "./state-cache.ts";

export interface CommandHandlerOptions {
  readonly store: EventStore;
  readonly aggregates: readonly AnyAggregate[];
  /** By log, as `store.openLogs` gave them. */
  readonly identities: ReadonlyMap<string, LogIdentity>;
  readonly logger: Logger;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** Largest event (key, value, headers) in bytes where `limitEventBytes` has set none for its log; 1,000,000 unless given. */
  readonly maxEventBytes?: number;
  /** States kept in memory; 10,000 unless given. */
  readonly cachedStreams?: number;
  /** Commands waiting or under way in this process; more are refused by OVERLOADED; 10,000 unless given. */
  readonly maxQueued?: number;
  /** Commands in one append; 1,000 unless given. */
  readonly maxBatch?: number;
  /** Commands under way up to which all lanes share one append; 32 unless given. */
  readonly joinUpTo?: number;
  /** Commands under way up to which each half of the lanes shares one append; 1,000 unless given. */
  readonly halveUpTo?: number;
  /** Conflicts after which a command ends with CONTENTION; 10 unless given. */
  readonly maxAttempts?: number;
  /** How long a repeat waits for the same command under way in this process; 5,000 unless given. */
  readonly repeatWaitMs?: number;
  /** After each commit, for each partition written, before the callers get their answers. */
  readonly onAppended?: (log: string, partition: number, position: number) => void;
}

export interface CommandHandler extends Commands {
  /** From now on larger events (key, value, headers) of this log are refused before the commit; also lowers `maxEventBytes`, never raises it. */
  limitEventBytes(log: string, bytes: number): void;
  /** Takes no more commands; resolves when those that it has are answered and the snapshots that were due are written. */
  close(): Promise<void>;
}

export function commandHandler(options: CommandHandlerOptions): CommandHandler {
  const { store, identities, logger, maxEventBytes = 1_000_000, maxQueued = 10_000 } = options;
  const aggregates = new Set(options.aggregates);
  const cache = stateCache(options.cachedStreams ?? 10_000, () => store.epoch);
  const taken = snapshots({ store, logger });
  const limits = new Map<string, number>();
  const coalesce = inProgress(options.repeatWaitMs ?? 5_000);
  let pending = 0;
  let closed = false;

  const parts = {
    store,
    cache,
    snapshots: taken,
    states: startingStates(store, cache, taken),
    clock: options.clock ?? { now: () => new Date() },
    maxAttempts: options.maxAttempts ?? 10,
    limitBytes: (log: string) => Math.min(limits.get(log) ?? maxEventBytes, maxEventBytes),
    onStored,
  };
  const queue = commandQueue({
    lanes: store.lanes,
    maxBatch: options.maxBatch ?? 1_000,
    joinUpTo: options.joinUpTo ?? 32,
    halveUpTo: options.halveUpTo ?? 1_000,
    handle: (lane, jobs) => handleBatch(lane, jobs, parts),
  });

  function onStored(ends: readonly End[]): void {
    try {
      for (const { log, partition, position } of ends) options.onAppended?.(log, partition, position);
      for (const log of new Set(ends.map((end) => end.log)))
        store.announce(
          log,
          ends.filter((end) => end.log === log),
        );
    } catch (error) {
      // the events are stored and their callers must hear of it; whoever was not told finds out by its own slow poll
      logger.error("a listener to stored events failed", {
        problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }

  function identityOf(aggregate: AnyAggregate): LogIdentity {
    const identity = aggregates.has(aggregate) ? identities.get(aggregate.name) : undefined;
    if (identity === undefined)
      throw new TidemarkError("INVALID_DEFINITION", { what: `Log '${aggregate.name}' is not one of this service's aggregates.` });
    return identity;
  }

  const enqueue = (command: CheckedCommand): Promise<Outcome> =>
    new Promise((resolve, reject) => {
      queue.push({ ...command, lane: store.laneOf(command.aggregate.name, command.partition), attempts: 0, resolve, reject });
    });

  return {
    async execute(command, executeOptions = {}) {
      if (closed) throw new TidemarkError("CLOSED", { what: "The command handler" });
      const checked = checkCommand(command, executeOptions.commandId ?? newId(), identityOf(command.aggregate), executeOptions);
      if (pending >= maxQueued) throw new TidemarkError("OVERLOADED", { what: "The number of commands under way", limit: maxQueued });
      pending += 1;
      try {
        return await coalesce(checked, () => enqueue(checked));
      } finally {
        pending -= 1;
      }
    },
    limitEventBytes: (log, bytes) => void limits.set(log, bytes),
    async close() {
      closed = true;
      await queue.idle();
      await taken.close();
    },
  };
}
