/** From a command's commit to its visibility in a view, through real Kafka; beside Kafka's own way of one record. */
import pg from "pg";
import { topicOf } from "../../src/kafka/index.ts";
import type { Benchmark, Case, Run, RunContext } from "../benchmark.ts";
import { type RunningJob, startJob } from "../jobs/job.ts";
import type { KafkaVisibleArgs } from "../jobs/kafka-visible.ts";
import type { Listening } from "../jobs/orders-service.ts";
import type { VisibleArgs, VisibleLoad, VisibleResult } from "../jobs/visible.ts";
import { createTopic, freshPrefix } from "../workload/topic.ts";
import { viewSchema } from "../workload/views.ts";
import { openWriteStore } from "../workload/write-store.ts";

const kafka = "Kafka alone, one process";
const ours = ["one process", "three processes"] as const;

export default {
  name: "visible",
  quickSeconds: 32,
  title:
    "from a command's commit to the answer of a read with its token, through Kafka; three processes: command and relay, projection, query",
  cases: ({ quick }) => [visible("one at a time", quick), visible("half", quick)],
} satisfies Benchmark;

function visible(form: VisibleLoad["form"], quick: boolean): Case {
  /** Kafka gets the records that the last run of one process had. */
  let perSecond = 200;
  const own = async (context: RunContext, split: boolean) => {
    const run = await roles(context, form, split);
    if (!split) perSecond = run.figures["reads/s"]!;
    return run;
  };
  return {
    name: form === "half" ? "half of the highest load, arrivals by Poisson's law" : form,
    against: kafka,
    // each run is in processes of its own and warms up in itself
    warmUp: !quick,
    contenders: [
      { name: ours[0], run: (context) => own(context, false) },
      { name: ours[1], run: (context) => own(context, true) },
      { name: kafka, run: (context) => records(context, form, perSecond) },
    ],
    goals: ours.flatMap((of) => [
      { row: "commit to visible, p50", of, against: kafka, figure: "p50 ms", atMost: 2 },
      { row: "commit to visible, p99", of, against: kafka, figure: "p99 ms", atMost: 3 },
    ]),
  };
}

const countOf = (context: RunContext) => (context.quick ? 200 : 1_000);

async function place(context: RunContext, url: string) {
  const at = { brokers: (await context.kafka()).brokers.join(","), prefix: freshPrefix() };
  const write = await openWriteStore(url);
  await createTopic(at, write.identity("orders"));
  await write.close();
  return at;
}

async function roles(context: RunContext, form: VisibleLoad["form"], split: boolean): Promise<Run> {
  const [write, read] = [await context.database(), await context.database()];
  const load = { form, orders: countOf(context), warmUpSeconds: Math.max(1, context.warmUpSeconds), seconds: context.seconds };
  const args: VisibleArgs = {
    roles: ["command", "projection", "query"],
    url: write.url,
    readUrl: read.url,
    ...(await place(context, write.url)),
    load,
  };
  const jobs: RunningJob<VisibleResult>[] = [];
  if (split) {
    jobs.push(await startJob("visible", { ...args, roles: ["projection"] } satisfies VisibleArgs));
    const told = Promise.withResolvers<Listening>();
    const onTold = (message: unknown) => told.resolve(message as Listening);
    const queries = await startJob<VisibleResult>("visible", { ...args, roles: ["query"] } satisfies VisibleArgs, { onTold });
    const { port } = await Promise.race([told.promise, queries.failed]);
    jobs.push(queries, await startJob("visible", { ...args, roles: ["command"], queryPort: port } satisfies VisibleArgs));
  } else jobs.push(await startJob("visible", args));
  for (const each of jobs) context.child(each.pid);
  const driver = jobs.at(-1)!;
  const { value } = await context.measured(() => Promise.race([driver.go(), ...jobs.map((each) => each.failed)]));
  for (const each of jobs.toReversed()) await each.close();
  await checkOrders(read.url, value.value.created);
  return figuresOf(value.value);
}

async function records(context: RunContext, form: VisibleLoad["form"], perSecond: number): Promise<Run> {
  const { url } = await context.database();
  const { brokers, prefix } = await place(context, url);
  const args: KafkaVisibleArgs = {
    brokers: brokers.split(","),
    topic: topicOf(prefix, "orders"),
    load: form === "half" ? { perSecond, seconds: context.seconds } : { records: countOf(context) },
    warmUpRecords: 2_000,
  };
  const job = await startJob<VisibleResult>("kafka-visible", args);
  context.child(job.pid);
  const { value } = await context.measured(() => job.go());
  await job.close();
  return figuresOf(value.value);
}

const figuresOf = ({ p50Ms, p99Ms, reads, readsPerSecond }: VisibleResult): Run => ({
  figures: { "p50 ms": p50Ms, "p99 ms": p99Ms, "reads/s": readsPerSecond },
  operations: reads,
});

async function checkOrders(url: string, created: number): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ count: string }>(`select count(*) from ${viewSchema}.plain_orders where status = 'CREATED'`);
  await client.end();
  if (Number(rows[0]!.count) !== created) throw new Error(`${created} orders were made, the view holds ${rows[0]!.count}`);
}
