/** A live projection of one view in a process of its own. Tells where its partitions are, and whether it has any. */
import { kafkaTransport } from "../../src/kafka/index.ts";
import { viewWorker, type ViewWorker } from "../../src/runtime/view-worker.ts";
import { quiet } from "../quiet.ts";
import { openViews, plainOrders } from "../workload/views.ts";
import type { Job } from "./job.ts";

export interface ProjectArgs {
  readonly url: string;
  readonly brokers: string;
  readonly prefix: string;
}

export interface ProjectProgress {
  /** Positions of the partitions that are this process's now. */
  readonly assigned: readonly { readonly partition: number; readonly position: number }[];
  /** Nanoseconds of the machine's monotonic clock. */
  readonly at: string;
}

const lookEveryMs = 20;

const job: Job<ProjectArgs, null> = async ({ url, brokers, prefix }, tell) => {
  const read = await openViews(url);
  const transport = kafkaTransport({ brokers, prefix });
  let worker: ViewWorker | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    go() {
      const running = viewWorker({ view: plainOrders, store: read.store, transport, group: "bench", logger: quiet });
      worker = running;
      timer = setInterval(() => {
        const assigned = running.assigned().map(({ partition, position }) => ({ partition, position }));
        tell({ assigned, at: process.hrtime.bigint().toString() } satisfies ProjectProgress);
      }, lookEveryMs);
      return Promise.resolve(null);
    },
    async close() {
      clearInterval(timer);
      await worker?.stop();
      await transport.close();
      await read.close();
    },
  };
};
export default job;
