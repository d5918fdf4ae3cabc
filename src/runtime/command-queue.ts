/**
 * Group commit: all that waits goes with the next call; a lone command is sent at once (there is no timer).
 * A call has a fixed cost, so few commands go in one call for all lanes. More go in two, one for each half of the lanes: this process decides one
 * batch while the database stores the other. Many go in a call of each lane. A lane, and so a head and a stream, is never in two calls in flight.
 */
import type { Job } from "./command-job.ts";

export interface CommandQueueOptions {
  readonly lanes: number;
  /** Commands in one call. */
  readonly maxBatch: number;
  /** Up to so many commands under way, all lanes share one call. */
  readonly joinUpTo: number;
  /** Up to so many, each half of the lanes shares one. */
  readonly halveUpTo: number;
  /** Answers all jobs but those that it gives back, which go first in the next call. */
  handle(lane: number, jobs: readonly Job[]): Promise<readonly Job[]>;
}

export interface CommandQueue {
  push(job: Job): void;
  /** Resolves when nothing waits or is under way. */
  idle(): Promise<void>;
}

export function commandQueue(options: CommandQueueOptions): CommandQueue {
  const { lanes, maxBatch, handle } = options;
  const queues: Job[][] = Array.from({ length: lanes }, () => []);
  const busy = new Set<number>();
  /** Lane l is in group l % groups. */
  let groups = 1;
  let waiting = 0;
  let inFlight = 0;
  let scheduled = false;
  const idlers: (() => void)[] = [];

  function groupsFor(load: number): number {
    // what does not go in one call must not wait behind lanes that fill it again and again
    if (load <= Math.min(options.joinUpTo, maxBatch)) return 1;
    return Math.min(load <= Math.min(options.halveUpTo, maxBatch) ? 2 : lanes, lanes);
  }

  function take(lane: number, most: number): Job[] {
    const queue = queues[lane]!;
    const taken = queue.length <= most ? queue : queue.slice(0, most);
    queues[lane] = queue.length <= most ? [] : queue.slice(most);
    waiting -= taken.length;
    return taken;
  }

  async function call(own: readonly number[], jobs: readonly Job[]): Promise<void> {
    for (const lane of own) busy.add(lane);
    inFlight += jobs.length;
    try {
      const again = await handle(own[0]!, jobs);
      for (const job of again.toReversed()) queues[job.lane]!.unshift(job);
      waiting += again.length;
    } catch (error) {
      // a fault of ours: nobody is left waiting, and the queue goes on
      for (const job of jobs) job.reject(error);
    }
    inFlight -= jobs.length;
    for (const lane of own) busy.delete(lane);
    schedule();
  }

  function start(group: number): void {
    const own: number[] = [];
    for (let lane = group; lane < lanes; lane += groups) own.push(lane);
    if (own.some((lane) => busy.has(lane))) return;
    const jobs: Job[] = [];
    for (const lane of own) for (const job of take(lane, maxBatch - jobs.length)) jobs.push(job);
    if (jobs.length > 0) void call(own, jobs);
  }

  function pump(): void {
    if (waiting === 0) {
      if (busy.size === 0) for (const resolve of idlers.splice(0)) resolve();
      return;
    }
    const load = waiting + inFlight;
    // calls in flight are joined by larger ones only when the load is clearly smaller: these wait until those have run out
    if (busy.size === 0 || groupsFor(load) > groups || groupsFor(load * 2) < groups) groups = groupsFor(load);
    for (let group = 0; group < groups; group++) start(group);
  }

  /** After all that is ready to run: commands of the same turn go together, also those of callers that have just been answered. */
  function schedule(): void {
    if (scheduled) return;
    scheduled = true;
    process.nextTick(() => {
      scheduled = false;
      pump();
    });
  }

  return {
    push(job) {
      queues[job.lane]!.push(job);
      waiting += 1;
      schedule();
    },
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        pump();
      }),
  };
}
