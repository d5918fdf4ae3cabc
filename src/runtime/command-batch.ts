/** Commands that wait together become one append: decided on each other's results, stored by one call, answered one by one. */
import { TidemarkError } from "../errors.ts";
import type { Job } from "./command-job.ts";
import { decide, describe } from "./decide.ts";
import type { Decided } from "./decide.ts";
import { foldStream } from "./fold-stream.ts";
import { outcomeOf, replayOf } from "./outcomes.ts";
import type { AppendCommand, AppendOutcome, Clock, EventStore } from "./ports.ts";
import type { Snapshots } from "./snapshots.ts";
import type { StartingStates } from "./starting-states.ts";
import { streamKey } from "./starting-states.ts";
import type { StateCache, StreamState } from "./state-cache.ts";
import { storeFailure } from "./store-failure.ts";

export interface BatchParts {
  readonly store: Pick<EventStore, "append" | "epoch">;
  readonly states: StartingStates;
  readonly cache: StateCache;
  readonly snapshots: Snapshots;
  readonly clock: Clock;
  readonly maxAttempts: number;
  limitBytes(log: string): number;
  /** After each commit: the last position of each partition written. */
  onStored(ends: readonly End[]): void;
}

export interface End {
  readonly log: string;
  readonly partition: number;
  readonly position: number;
}

interface Entry {
  readonly job: Job;
  readonly decided: Decided;
}

/** Answers every job but those that it gives back, in order, to be decided again. Never throws. */
export async function handleBatch(lane: number, jobs: readonly Job[], parts: BatchParts): Promise<readonly Job[]> {
  const epoch = parts.store.epoch;
  let starts: ReadonlyMap<string, StreamState>;
  try {
    starts = await parts.states.of(jobs);
  } catch (error) {
    return notLoaded(error, lane, jobs, parts);
  }
  // a connection was lost while states were looked for: cached ones may be of a history that is no more
  if (parts.store.epoch !== epoch) return handleBatch(lane, jobs, parts);
  const entries = decideAll(jobs, starts, parts);
  let outcomes: readonly AppendOutcome[];
  try {
    outcomes = await parts.store.append(lane, toAppend(entries, starts));
  } catch (error) {
    for (const { job } of entries) parts.cache.drop(job.aggregate.name, job.stream);
    return failed(error, lane, jobs, parts);
  }
  return settle(entries, outcomes, starts, epoch, parts);
}

function decideAll(jobs: readonly Job[], starts: ReadonlyMap<string, StreamState>, parts: BatchParts): readonly Entry[] {
  const current = new Map(starts);
  const time = parts.clock.now().toISOString();
  return jobs.map((job) => {
    const key = streamKey(job);
    const decided = decide(job, current.get(key)!, time, parts.limitBytes(job.aggregate.name));
    current.set(key, decided.after);
    return { job, decided };
  });
}

const toAppend = (entries: readonly Entry[], starts: ReadonlyMap<string, StreamState>): AppendCommand[] =>
  entries.map(({ job, decided }) => ({
    id: job.id,
    fingerprint: job.fingerprint,
    log: job.aggregate.name,
    partition: job.partition,
    stream: job.stream,
    baseVersion: starts.get(streamKey(job))!.version,
    expectedVersion: decided.after.version - decided.events.length,
    ifMatch: decided.ifMatch,
    kind: decided.kind,
    answer: decided.answer,
    events: decided.events,
  }));

function settle(
  entries: readonly Entry[],
  outcomes: readonly AppendOutcome[],
  starts: ReadonlyMap<string, StreamState>,
  epoch: number,
  parts: BatchParts,
): readonly Job[] {
  const again: Job[] = [];
  const ends = new Map<string, End>();
  const known = new Map(starts);
  const remember = (job: Job, state: StreamState): void => {
    known.set(streamKey(job), state);
    parts.cache.set(job.aggregate.name, job.stream, state, epoch);
  };
  const decideAgain = (job: Job): void => {
    job.attempts += 1;
    if (job.attempts < parts.maxAttempts) again.push(job);
    else job.reject(new TidemarkError("CONTENTION", { stream: job.stream, attempts: job.attempts }));
  };
  const written = ({ log, partition, position }: End): void => {
    const key = `${partition}/${log}`;
    if ((ends.get(key)?.position ?? 0) < position) ends.set(key, { log, partition, position });
  };
  // what others see first: a waiter that is woken reads the store itself
  for (const [i, { job, decided }] of entries.entries()) {
    const outcome = outcomes[i]!;
    if (outcome.status === "appended" && decided.events.length > 0)
      written({ log: job.aggregate.name, partition: job.partition, position: outcome.position });
    // perhaps nobody was told of it: the answer to its first call was lost
    if (outcome.status === "duplicate" && outcome.first?.kind === "events") written(outcome.first);
  }
  if (ends.size > 0) parts.onStored([...ends.values()]);
  for (const [i, { job, decided }] of entries.entries()) {
    const outcome = outcomes[i]!;
    switch (outcome.status) {
      case "appended":
        remember(job, decided.after);
        if (parts.store.epoch === epoch) parts.snapshots.appended(job.aggregate, job.stream, decided.after, decided.events);
        job.resolve(
          outcomeOf(
            job,
            decided.kind as "events" | "rejection" | "none",
            decided.kind === "rejection" ? JSON.parse(decided.answer) : null,
            outcome.version,
            outcome.position,
            false,
          ),
        );
        break;
      case "checked":
        remember(job, decided.after);
        job.reject(decided.refusal);
        break;
      case "duplicate":
        if (outcome.first === null) decideAgain(job);
        else answerFirst(job, outcome.first);
        break;
      case "mismatch":
        parts.cache.drop(job.aggregate.name, job.stream);
        job.reject(
          new TidemarkError("VERSION_MISMATCH", { stream: job.stream, expected: describe(job.expected), actual: outcome.version }),
        );
        break;
      case "conflict": {
        const state = known.get(streamKey(job))!;
        if (job.attempts === 0 && state.version === 0) parts.states.learn(job, false);
        if (outcome.events === null) parts.cache.drop(job.aggregate.name, job.stream);
        else remember(job, foldStream(job.aggregate, job.stream, state, outcome.version, outcome.events));
        decideAgain(job);
        break;
      }
    }
  }
  return again;
}

function answerFirst(job: Job, first: Parameters<typeof replayOf>[1]): void {
  try {
    job.resolve(replayOf(job, first));
  } catch (error) {
    job.reject(error);
  }
}

/** States that cannot be loaded for what one stream holds: halved until that stream is alone, so that only its commands fail. */
async function notLoaded(error: unknown, lane: number, jobs: readonly Job[], parts: BatchParts): Promise<readonly Job[]> {
  const failure = storeFailure(error);
  // what cannot be read back is of a stream too, and no later try reads it
  const unreadable = error instanceof SyntaxError || error instanceof TypeError || error instanceof RangeError;
  const streams = [...new Set(jobs.map(streamKey))];
  if ((failure.kind === "data" || unreadable) && streams.length > 1) {
    const half = new Set(streams.slice(0, streams.length >> 1));
    const first = await handleBatch(
      lane,
      jobs.filter((job) => half.has(streamKey(job))),
      parts,
    );
    const second = await handleBatch(
      lane,
      jobs.filter((job) => !half.has(streamKey(job))),
      parts,
    );
    return [...first, ...second];
  }
  for (const job of jobs) job.reject(unreadable ? error : failure.error);
  return [];
}

/** A call that the store refused for its data is halved until the culprit is alone; the halves are decided anew, on each other's results. */
async function failed(error: unknown, lane: number, jobs: readonly Job[], parts: BatchParts): Promise<readonly Job[]> {
  const failure = storeFailure(error);
  if (failure.kind === "data" && jobs.length > 1) {
    const middle = jobs.length >> 1;
    const first = await handleBatch(lane, jobs.slice(0, middle), parts);
    // what is decided again comes before what followed it
    if (first.length > 0) return [...first, ...jobs.slice(middle)];
    const second = await handleBatch(lane, jobs.slice(middle), parts);
    return second;
  }
  const again: Job[] = [];
  for (const job of jobs) {
    job.attempts += 1;
    if (failure.kind === "again" && job.attempts < parts.maxAttempts) again.push(job);
    else job.reject(failure.error);
  }
  return again;
}
