/** Kafka's own way of one record, produced with acks=all and met by a long poll that waits for it: the client library on both sides, nothing else. */
import { ProduceAcks, Producer } from "@platformatic/kafka";
import { percentile } from "../harness/statistics.ts";
import { libraryReader } from "../load/library-reader.ts";
import { openLoop } from "../load/open-loop.ts";
import type { Job } from "./job.ts";
import type { VisibleResult } from "./visible.ts";

export interface KafkaVisibleArgs {
  readonly brokers: readonly string[];
  readonly topic: string;
  /** Records one at a time, or so many a second for so long. */
  readonly load: { readonly records: number } | { readonly perSecond: number; readonly seconds: number };
  readonly warmUpRecords: number;
}

const value = Buffer.from(JSON.stringify({ customerId: "c-1", items: "x".repeat(500) }));

const job: Job<KafkaVisibleArgs, VisibleResult> = async ({ brokers, topic, load, warmUpRecords }) => {
  const producer = new Producer({ clientId: "bench", bootstrapBrokers: [...brokers] });
  const reader = await libraryReader(brokers, topic);
  const waiting = new Map<string, (at: bigint) => void>();
  let closed = false;
  let created = 0;
  const consume = async () => {
    while (!closed) {
      const records = await reader.next(500);
      const at = process.hrtime.bigint();
      for (const record of records) {
        const key = record.key!.toString();
        waiting.get(key)?.(at);
        waiting.delete(key);
      }
    }
  };
  const consuming = consume();
  let latenciesMs: number[] = [];
  const one = async () => {
    const key = String(created++);
    const seen = new Promise<bigint>((resolve) => waiting.set(key, resolve));
    const startedAt = process.hrtime.bigint();
    const partition = created % reader.partitions;
    await producer.send({ acks: ProduceAcks.ALL, messages: [{ topic, partition, key: Buffer.from(key), value }] });
    latenciesMs.push(Number((await seen) - startedAt) / 1e6);
  };
  for (let i = 0; i < warmUpRecords; i += 16) await Promise.all(Array.from({ length: 16 }, one));
  return {
    async go() {
      latenciesMs = [];
      const startedAt = performance.now();
      if ("records" in load) for (let i = 0; i < load.records; i += 1) await one();
      else await openLoop(load.perSecond, load.seconds, one);
      const reads = latenciesMs.length;
      const readsPerSecond = (reads / (performance.now() - startedAt)) * 1_000;
      return { p50Ms: percentile(latenciesMs, 0.5), p99Ms: percentile(latenciesMs, 0.99), reads, readsPerSecond, created };
    },
    async close() {
      closed = true;
      await consuming;
      await producer.close();
      await reader.close();
    },
  };
};
export default job;
