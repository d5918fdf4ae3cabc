/** Group commit: one call in flight, and all that waited meanwhile go with the next. A lone command is sent at once: there is no timer. */
import type { Job } from "./command-job.ts";

export interface CommandLane {
  push(job: Job): void;
  /** Resolves when nothing waits or is under way. */
  idle(): Promise<void>;
}

/** `handle` answers all jobs but those that it gives back, which go first in the next batch. */
export function commandLane(maxBatch: number, handle: (jobs: readonly Job[]) => Promise<readonly Job[]>): CommandLane {
  let queue: Job[] = [];
  let running: Promise<void> | undefined;

  async function run(): Promise<void> {
    // commands of the same turn go together
    await null;
    while (queue.length > 0) {
      const taken = queue.length <= maxBatch ? queue : queue.slice(0, maxBatch);
      queue = queue.slice(taken.length);
      try {
        const again = await handle(taken);
        if (again.length > 0) queue = [...again, ...queue];
      } catch (error) {
        // a fault of ours: nobody is left waiting, and the lane goes on
        for (const job of taken) job.reject(error);
      }
    }
    running = undefined;
  }

  return {
    push(job) {
      queue.push(job);
      running ??= run();
    },
    async idle() {
      while (running !== undefined) await running;
    },
  };
}
