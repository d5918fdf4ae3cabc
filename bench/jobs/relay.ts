/** Our relay, from the events table into a topic that is there. Tells its progress: positions acknowledged by partition, and when. */
import { openCluster, openLogWriter, topicOf } from "../../src/kafka/index.ts";
import { relay } from "../../src/runtime/relay.ts";
import { quiet } from "../quiet.ts";
import { openWriteStore } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface RelayArgs {
  readonly url: string;
  readonly brokers: string;
  readonly prefix: string;
}

export interface RelayProgress {
  readonly relayed: readonly number[];
  /** Nanoseconds of the machine's monotonic clock. */
  readonly at: string;
  /** Since it began. */
  readonly cpuSeconds: number;
  readonly peakRssMiB: number;
}

/** Small against a run, rare enough not to be work. */
const lookEveryMs = 10;

const job: Job<RelayArgs, null> = async ({ url, brokers, prefix }, tell) => {
  const write = await openWriteStore(url);
  const cluster = openCluster({ brokers, prefix });
  let running: ReturnType<typeof relay> | undefined;
  let timer: NodeJS.Timeout | undefined;
  return {
    async go() {
      const cpu = process.cpuUsage();
      running = relay({
        store: write.store,
        identity: write.identity("orders"),
        openWriter: (identity, options) => openLogWriter(cluster, { topic: topicOf(prefix, identity.log), identity, ...options }),
        logger: quiet,
        maxEventBytes: 1_000_000,
      });
      let last: readonly number[] = [];
      timer = setInterval(() => {
        const { relayed, state, problem } = running!.state();
        if (state === "diverged") throw new Error(`the relay refused: ${problem}`);
        if (relayed === last) return;
        last = relayed;
        const { user, system } = process.cpuUsage(cpu);
        tell({
          relayed,
          at: process.hrtime.bigint().toString(),
          cpuSeconds: (user + system) / 1e6,
          peakRssMiB: process.resourceUsage().maxRSS / 1_024,
        } satisfies RelayProgress);
      }, lookEveryMs);
      return null;
    },
    async close() {
      clearInterval(timer);
      await running?.stop();
      await cluster.close();
      await write.close();
    },
  };
};
export default job;
