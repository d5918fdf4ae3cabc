/**
 * Group commit: all that waits goes with the next call; a lone command is sent at once (there is no timer).
 * A call has a fixed cost, so few commands go in one call for all lanes; many go in a call of each lane, and the commits of lanes overlap.
 * A stream is never in two calls in flight.
 */
import type { Job } from "./command-job.ts";

export interface CommandQueueOptions {
  readonly lanes: number;
  /** Commands in one call. */
  readonly maxBatch: number;
  /** Up to so many commands under way, all lanes share one call. */
  readonly joinUpTo: number;
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
  const joinUpTo = lanes === 1 ? Infinity : Math.min(options.joinUpTo, maxBatch);
  const queues: Job[][] = Array.from({ length: lanes }, () => []);
  const busy = new Set<number>();
  let joined = false;
  let waiting = 0;
  let inFlight = 0;
  let scheduled = false;
  const idlers: (() => void)[] = [];

  function take(lane: number, most: number): Job[] {
    const queue = queues[lane]!;
    const taken = queue.splice(0, most);
    waiting -= taken.length;
    return taken;
  }

  async function call(lane: number, jobs: readonly Job[], done: () => void): Promise<void> {
    inFlight += jobs.length;
    try {
      const again = await handle(lane, jobs);
      for (const job of again.toReversed()) queues[job.lane]!.unshift(job);
      waiting += again.length;
    } catch (error) {
      // a fault of ours: nobody is left waiting, and the queue goes on
      for (const job of jobs) job.reject(error);
    }
    inFlight -= jobs.length;
    done();
    pump();
  }

  function startJoined(): void {
    joined = true;
    const jobs = queues.flatMap((_, lane) => take(lane, maxBatch));
    void call(0, jobs, () => {
      joined = false;
    });
  }

  function startIdleLanes(): void {
    for (const [lane, queue] of queues.entries()) {
      if (queue.length === 0 || busy.has(lane)) continue;
      busy.add(lane);
      void call(lane, take(lane, maxBatch), () => busy.delete(lane));
    }
  }

  function pump(): void {
    if (joined) return;
    if (waiting === 0) {
      if (busy.size === 0) for (const resolve of idlers.splice(0)) resolve();
    } else if (busy.size === 0) {
      if (waiting <= joinUpTo) startJoined();
      else startIdleLanes();
    } else if (waiting + inFlight > joinUpTo / 2) {
      startIdleLanes();
    }
    // else the lanes' own calls run out, and the next call is for all
  }

  return {
    push(job) {
      queues[job.lane]!.push(job);
      waiting += 1;
      if (scheduled) return;
      scheduled = true;
      // commands of the same turn go together
      queueMicrotask(() => {
        scheduled = false;
        pump();
      });
    },
    idle: () =>
      new Promise((resolve) => {
        idlers.push(resolve);
        pump();
      }),
  };
}
