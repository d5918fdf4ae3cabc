/** The processor of one log's commands: shares the partitions of the topic with others of its kind and serves its own. */
import type { AnyAggregate } from "../core/definition.ts";
import type { BatchParts, End } from "./command-batch.ts";
import type { Authorize } from "./command-entries.ts";
import type { CommandHandover } from "./command-handover.ts";
import { type CommandPartition, commandPartition, type CommandPartitionState } from "./command-partition.ts";
import type { CommandForm, CommandLedger, CommandTopic } from "./command-ports.ts";
import type { Clock, EventStore, LogIdentity, Logger } from "./ports.ts";
import { snapshots } from "./snapshots.ts";
import { startingStates } from "./starting-states.ts";
import { stateCache } from "./state-cache.ts";
import { pause } from "./wake.ts";

export interface CommandProcessorOptions {
  readonly aggregate: AnyAggregate;
  readonly identity: LogIdentity;
  /** Opens the topic, and makes it where there is none. Called again after a failure, until `stop`. */
  readonly openTopic: () => Promise<CommandTopic>;
  readonly ledger: CommandLedger;
  readonly store: Pick<EventStore, "load" | "saveSnapshots" | "epoch" | "announce">;
  readonly form: CommandForm;
  readonly authorize?: Authorize | undefined;
  /** Of the acceptance in the same process: what it has checked is not checked again. */
  readonly handover?: CommandHandover | undefined;
  readonly logger: Logger;
  /** The system's unless given. */
  readonly clock?: Clock;
  /** Largest event (key, value, headers) in bytes; 1,000,000 unless given. */
  readonly maxEventBytes?: number;
  /** States kept in memory; 10,000 unless given. */
  readonly cachedStreams?: number;
  /** Commands in one append; 1,000 unless given. */
  readonly maxBatch?: number;
  /** Conflicts in a row after which a batch begins again; 10 unless given. */
  readonly maxAttempts?: number;
  /** After each commit, for each partition written. */
  readonly onAppended?: (log: string, partition: number, position: number) => void;
  /** Ids of commands that have their outcomes now; undefined: any may have got one unnoticed. */
  readonly onSettled?: (ids: readonly string[] | undefined) => void;
}

export interface CommandProcessorState {
  /** starting: no topic yet, or no assignment yet. */
  readonly state: "starting" | "running";
  readonly problem: string | null;
  /** Those that this process serves now, ascending. */
  readonly partitions: readonly CommandPartitionState[];
}

export interface CommandProcessor {
  readonly log: string;
  state(): CommandProcessorState;
  /** Takes no more commands; resolves when nothing is under way. */
  stop(): Promise<void>;
}

const firstPauseMs = 100;
const longestPauseMs = 5_000;

export function commandProcessor(options: CommandProcessorOptions): CommandProcessor {
  const { aggregate, identity, ledger, store, logger, maxEventBytes = 1_000_000 } = options;
  const log = aggregate.name;
  const stopping = new AbortController();
  const cache = stateCache(options.cachedStreams ?? 10_000, () => ledger.epoch);
  const taken = snapshots({ store, logger });
  const serving = new Map<number, CommandPartition>();
  /** Partitions that were given away and still end. */
  const ending = new Set<Promise<void>>();
  let assigned = false;
  let problem: string | null = null;

  const batch: Omit<BatchParts, "store"> = {
    cache,
    snapshots: taken,
    states: startingStates(store, cache, taken),
    clock: options.clock ?? { now: () => new Date() },
    maxAttempts: options.maxAttempts ?? 10,
    limitBytes: () => maxEventBytes,
    onStored,
  };

  function onStored(ends: readonly End[]): void {
    try {
      for (const end of ends) options.onAppended?.(end.log, end.partition, end.position);
      store.announce(log, ends);
    } catch (error) {
      // the events are stored; whoever was not told finds out by its own slow poll
      logger.error("a listener to stored events failed", {
        problem: error instanceof Error ? (error.stack ?? error.message) : String(error),
      });
    }
  }

  const end = (partition: number): void => {
    const served = serving.get(partition);
    serving.delete(partition);
    if (served === undefined) return;
    const stopped = served.stop().finally(() => ending.delete(stopped));
    ending.add(stopped);
  };

  const assign = (topic: CommandTopic, partitions: readonly number[]): void => {
    if (stopping.signal.aborted) return;
    assigned = true;
    for (const partition of [...serving.keys()]) if (!partitions.includes(partition)) end(partition);
    for (const partition of partitions) {
      if (serving.has(partition)) continue;
      serving.set(
        partition,
        commandPartition({
          aggregate,
          identity,
          topicId: topic.topicId,
          form: options.form,
          authorize: options.authorize,
          handover: options.handover,
          partition,
          topic,
          ledger,
          batch,
          logger,
          maxBatch: options.maxBatch ?? 1_000,
          onSettled: options.onSettled ?? (() => undefined),
        }),
      );
    }
  };

  async function run(): Promise<void> {
    for (let pauseMs = firstPauseMs; !stopping.signal.aborted; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      let topic: CommandTopic | undefined;
      try {
        topic = await options.openTopic();
        problem = null;
        for (const weakness of topic.weaknesses) logger.warn(`commands of log '${log}': ${weakness}`, { log });
        const opened = topic;
        const joining = topic.join((partitions) => assign(opened, partitions));
        // a group that cannot be joined must not hold up the stop; whoever joins later is gone with the topic's cluster
        const membership = await Promise.race([joining, stopped(stopping.signal)]);
        await stopped(stopping.signal);
        for (const partition of [...serving.keys()]) end(partition);
        await Promise.all(ending);
        if (membership === undefined) joining.catch(() => undefined);
        else await membership.leave();
      } catch (error) {
        problem = error instanceof Error ? error.message : String(error);
        if (!stopping.signal.aborted) logger.warn("the topic of a log's commands cannot be opened", { log, problem });
      } finally {
        for (const partition of [...serving.keys()]) end(partition);
        await topic?.close();
      }
      await pause(pauseMs, stopping.signal);
    }
  }
  const running = run();

  return {
    log,
    state: () => ({
      state: assigned ? "running" : "starting",
      problem,
      partitions: [...serving.values()].map((each) => each.state()).toSorted((a, b) => a.partition - b.partition),
    }),
    async stop() {
      stopping.abort();
      await running;
      await Promise.all(ending);
      await taken.close();
    },
  };
}

const stopped = (signal: AbortSignal): Promise<void> =>
  new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
