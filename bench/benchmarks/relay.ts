/** How fast committed events get to Kafka: our relay out of the events table, and the client library's own producer with the same records from memory. */
import type { TestDatabase } from "../../test/services.ts";
import type { Benchmark, Run, RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { ProduceArgs } from "../jobs/produce.ts";
import { freshTopic, type RelayWork, relayRun } from "../setup/relay-run.ts";
import { orderDigest } from "../workload/digest.ts";
import { checkTopic } from "../workload/topic.ts";
import { fillWriteStore } from "../workload/write-store.ts";

export default {
  name: "relay",
  quickSeconds: 20,
  title: "records/s from the events table into a fresh topic of 6 partitions, acks=all; each contender in a process of its own",
  cases({ quick, large }) {
    const events = quick ? 100_000 : large ? 1_000_000 : 300_000;
    let database: TestDatabase;
    const produced = library(events);
    const relays = (count: number) => (context: RunContext) => relayed(context, { url: database.url, events, count });
    return [
      {
        name: `${events.toLocaleString("en")} events`,
        against: "client library",
        warmUp: !quick,
        contenders: [
          { name: "1 relay", run: relays(1) },
          { name: "2 relays", run: relays(2) },
          { name: "client library", run: (context) => produced(context, database.url) },
        ],
        goals: [{ row: "relay, records/s", of: "1 relay", against: "client library", atLeast: 0.8 }],
        async prepare(context) {
          database = await (await context.postgres()).createDatabase();
          await fillWriteStore(database.url, events);
          return () => database.drop();
        },
      },
    ];
  },
} satisfies Benchmark;

async function relayed(context: RunContext, work: RelayWork): Promise<Run> {
  const { seconds } = await relayRun(context, work);
  return { figures: { "records/s": work.events / seconds }, operations: work.events };
}

/** Records of a send. 2,000 of one partition pass the broker's limit of 1 MiB; several partitions in a send were slower. */
const batches = [250, 500, 1_000];

/** The best of the batches, found in the round that is thrown away; where there is none, that of earlier runs. */
function library(events: number): (context: RunContext, url: string) => Promise<Run> {
  let best = batches[1]!;
  return async (context, url) => {
    const produce = async (batch: number, measured: RunContext["measured"]) => {
      const { place, identity, topic } = await freshTopic(context, url);
      const settings = { batch, partitionsPerSend: 1 };
      const args: ProduceArgs = { brokers: place.brokers.split(","), topic, logId: identity.logId, events, ...settings };
      const job = await startJob("produce", args);
      context.child(job.pid);
      const { value } = await measured(() => job.go());
      await job.close();
      await checkTopic(place, events, orderDigest(events));
      return { figures: { "records/s": events / value.seconds }, operations: events, notes: settings };
    };
    if (context.round === 0) {
      const tried = new Map<number, number>();
      for (const batch of batches) {
        const { figures } = await produce(batch, async (section) => ({ value: await section(), seconds: 0 }));
        tried.set(figures["records/s"], batch);
      }
      best = tried.get(Math.max(...tried.keys()))!;
    }
    return produce(best, context.measured);
  };
}
