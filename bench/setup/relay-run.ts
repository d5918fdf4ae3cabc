/** One run of our relay, in processes of its own, from a filled write store into a fresh topic. */
import pg from "pg";
import type { RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { RelayArgs, RelayProgress } from "../jobs/relay.ts";
import { orderDigest } from "../workload/digest.ts";
import { checkTopic, createTopic, freshPrefix } from "../workload/topic.ts";
import { openWriteStore, writeSchema } from "../workload/write-store.ts";

export interface RelayWork {
  /** The write database. */
  readonly url: string;
  readonly events: number;
  /** How many relays, each a process. */
  readonly count: number;
}

export interface RelayFigures {
  /** Until Kafka had acknowledged all. */
  readonly seconds: number;
  /** Of all relay processes. */
  readonly cpuSeconds: number;
  /** Of the largest. */
  readonly peakRssMiB: number;
}

/** A topic that nothing was relayed to, and a write store that says so. */
export async function freshTopic(context: RunContext, url: string) {
  const place = { brokers: (await context.kafka()).brokers.join(","), prefix: freshPrefix() };
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(`truncate ${writeSchema}.relayed`);
  await client.end();
  const write = await openWriteStore(url);
  const identity = write.identity("orders");
  await write.close();
  return { place, identity, topic: await createTopic(place, identity) };
}

/** Checks what it wrote: each event, in dense positions. */
export async function relayRun(context: RunContext, { url, events, count }: RelayWork): Promise<RelayFigures> {
  const { place, identity } = await freshTopic(context, url);
  const positions = Array<number>(identity.partitions).fill(0);
  const last = new Map<number, RelayProgress>();
  const finished = Promise.withResolvers<bigint>();
  const onTold = (relay: number) => (message: unknown) => {
    const progress = message as RelayProgress;
    last.set(relay, progress);
    progress.relayed.forEach((position, partition) => (positions[partition] = Math.max(positions[partition]!, position)));
    if (positions.reduce((sum, position) => sum + position) >= events) finished.resolve(BigInt(progress.at));
  };
  const args: RelayArgs = { url, ...place };
  const jobs = await Promise.all(Array.from({ length: count }, (_, relay) => startJob("relay", args, { onTold: onTold(relay) })));
  for (const job of jobs) context.child(job.pid);
  const { value: seconds } = await context.measured(async () => {
    const startedAt = process.hrtime.bigint();
    await Promise.all(jobs.map((job) => job.go()));
    const finishedAt = await Promise.race([finished.promise, ...jobs.map((job) => job.failed)]);
    return Number(finishedAt - startedAt) / 1e9;
  });
  await Promise.all(jobs.map((job) => job.close()));
  await checkTopic(place, events, orderDigest(events));
  const own = [...last.values()];
  return {
    seconds,
    cpuSeconds: own.reduce((sum, { cpuSeconds }) => sum + cpuSeconds, 0),
    peakRssMiB: Math.max(...own.map(({ peakRssMiB }) => peakRssMiB)),
  };
}
