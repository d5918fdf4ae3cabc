/** The states that a batch is decided on: from the cache, from one query for all cold streams, or a guess that append checks. */
import type { Job } from "./command-job.ts";
import { foldLoaded, newStream } from "./fold-stream.ts";
import type { EventStore, StreamToLoad } from "./ports.ts";
import type { Snapshots } from "./snapshots.ts";
import type { StateCache, StreamState } from "./state-cache.ts";

/** A stream is named by its log too. */
export const streamKey = (job: Pick<Job, "aggregate" | "stream">): string => `${job.aggregate.name}\u0000${job.stream}`;

const toLoad = ({ aggregate, stream }: Job): StreamToLoad => ({ log: aggregate.name, stream, reducer: aggregate.snapshots?.reducer });

export interface StartingStates {
  /** By `streamKey`. @throws UNAVAILABLE */
  of(jobs: readonly Job[]): Promise<ReadonlyMap<string, StreamState>>;
  /** Append has said what a guess was worth. */
  learn(job: Job, wasNew: boolean): void;
}

/** So many cold streams of a command in a row must have been new before the next ones are taken for new. */
const streakNeeded = 3;

/**
 * A command that creates (it always met streams without events) is decided on the initial state without asking: that saves a query, and append
 * confirms the version under its lock anyway. A wrong guess costs one conflict, which brings the events.
 */
export function startingStates(store: Pick<EventStore, "load">, cache: StateCache, snapshots: Snapshots): StartingStates {
  const streaks = new Map<string, number>();
  const commandKey = (job: Job): string => `${job.aggregate.name}\u0000${job.type}`;
  const learn = (job: Job, wasNew: boolean): void =>
    void streaks.set(commandKey(job), wasNew ? (streaks.get(commandKey(job)) ?? 0) + 1 : 0);
  return {
    learn,
    async of(jobs) {
      const states = new Map<string, StreamState>();
      const cold = new Map<string, Job>();
      for (const job of jobs) {
        const key = streamKey(job);
        if (states.has(key) || cold.has(key)) continue;
        const cached = cache.get(job.aggregate.name, job.stream);
        if (cached !== undefined) states.set(key, cached);
        else if (job.attempts === 0 && (streaks.get(commandKey(job)) ?? 0) >= streakNeeded) states.set(key, newStream(job.aggregate));
        else cold.set(key, job);
      }
      if (cold.size === 0) return states;
      const wanted = [...cold.values()];
      const loaded = await store.load(wanted.map(toLoad));
      for (const [i, job] of wanted.entries()) {
        const stream = loaded[i]!;
        if (job.attempts === 0) learn(job, stream.version === 0);
        const state = foldLoaded(job.aggregate, job.stream, stream);
        snapshots.loaded(job.aggregate, job.stream, stream, state);
        states.set(streamKey(job), state);
      }
      return states;
    },
  };
}
