/** How fast a read model is made anew: events/s of a rebuild, beside what is done elsewhere and what the parts alone can do. */
import { topicOf } from "../../src/kafka/index.ts";
import type { Benchmark, Case, Contender, Run, RunContext } from "../benchmark.ts";
import type { CopyArgs } from "../jobs/copy-rows.ts";
import type { FetchArgs } from "../jobs/fetch.ts";
import { startJob } from "../jobs/job.ts";
import type { RebuildArgs, RebuildResult } from "../jobs/rebuild.ts";
import { emmettContenders } from "../setup/emmett-rebuild.ts";
import { textbookContenders } from "../setup/textbook.ts";
import { type Filled, fill } from "../workload/filled.ts";
import { checkView } from "../workload/views.ts";

export default {
  name: "rebuild",
  title:
    "events/s of rebuilding a view of orders (5 events a document, one index) into a fresh generation; each contender in a process of its own",
  opponents: true,
  cases({ quick, large }) {
    const events = quick ? 100_000 : large ? 1_000_000 : 300_000;
    return [plain(events, quick), references(events), ...(large ? [memory(10_000_000)] : [])];
  },
} satisfies Benchmark;

const kafka = "from Kafka";
const table = "from the events table";

/** Both sources of ours. */
const ours = (filled: () => Filled, view: string): Contender[] => [
  { name: kafka, run: (context) => rebuilt(context, filled(), { view, source: filled().place }) },
  { name: table, run: (context) => rebuilt(context, filled(), { view, source: { url: filled().url } }) },
];

function withFilled(events: number, make: (filled: () => Filled) => Case): Case {
  let filled: Filled;
  return {
    ...make(() => filled),
    async prepare(context) {
      filled = await fill(context, events);
      return () => filled.drop();
    },
  };
}

const plain = (events: number, quick: boolean): Case =>
  withFilled(events, (filled) => ({
    name: `${events.toLocaleString("en")} events, one table`,
    against: "library's fetch and JSON.parse",
    contenders: [
      ...ours(filled, "plain_orders"),
      { name: "library's fetch and JSON.parse", run: (context) => fetched(context, filled()) },
      { name: "COPY of the finished rows", run: (context) => copied(context, events) },
      ...textbookContenders(quick ? 1_000 : 4_000),
      ...emmettContenders(quick ? 1_000 : 5_000),
    ],
    goals: [
      { row: "rebuild of a view, events/s", of: kafka, against: "textbook, one connection", atLeast: 100 },
      { row: "rebuild, Emmett's rebuild", of: kafka, against: "Emmett, Pongo", atLeast: 10 },
      { row: "rebuild, Emmett's rebuild", of: kafka, against: "Emmett, raw SQL", atLeast: 10 },
      { row: "rebuild, the library's batch fetch", of: kafka, against: "library's fetch and JSON.parse", atLeast: 0.6 },
    ],
  }));

const references = (events: number): Case =>
  withFilled(events, (filled) => ({
    name: `${events.toLocaleString("en")} events, order_summaries with the customers' names`,
    contenders: ours(filled, "order_summaries"),
  }));

const memory = (events: number): Case =>
  withFilled(events, (filled) => ({
    name: `${events.toLocaleString("en")} events, memory`,
    rounds: 1,
    contenders: ours(filled, "plain_orders").map((each) => ({ ...each, run: async (context) => sizesOf(await each.run(context)) })),
    goals: [kafka, table].map((of) => ({ row: "memory while rebuilding 10 M events", of, figure: "peak RSS MiB", atMost: 512 })),
  }));

const sizeNames = ["RSS MiB at 10 %", "RSS MiB at 50 %", "RSS MiB at 100 %", "peak RSS MiB"];
function sizesOf(run: Run): Run {
  const sizes = Object.fromEntries(sizeNames.map((name) => [name, Number(run.notes?.[name])]));
  return { ...run, figures: { ...run.figures, ...sizes } };
}

async function rebuilt(context: RunContext, { events }: Filled, what: Pick<RebuildArgs, "view" | "source">): Promise<Run> {
  const database = await context.database();
  const args: RebuildArgs = { ...what, url: database.url };
  const job = await startJob<RebuildResult>("rebuild", args);
  context.child(job.pid);
  const { value } = await context.measured(() => job.go());
  await job.close();
  await checkView(database.url, what.view, events);
  const { at10, at50, at100 } = value.value.rssMiB;
  const sizes = [at10, at50, at100, value.peakRssMiB].map(Math.round);
  return {
    figures: { "events/s": events / value.seconds },
    operations: events,
    notes: Object.fromEntries(sizeNames.map((name, i) => [name, sizes[i]!])),
  };
}

async function fetched(context: RunContext, { events, place }: Filled): Promise<Run> {
  const args: FetchArgs = { brokers: place.brokers.split(","), topic: topicOf(place.prefix, "orders"), events };
  const job = await startJob<number>("fetch", args);
  context.child(job.pid);
  const { value } = await context.measured(() => job.go());
  await job.close();
  return { figures: { "events/s": events / value.seconds }, operations: events };
}

async function copied(context: RunContext, events: number): Promise<Run> {
  const database = await context.database();
  const args: CopyArgs = { url: database.url, events };
  const job = await startJob<number>("copy-rows", args);
  context.child(job.pid);
  const { value } = await context.measured(() => job.go());
  await job.close();
  if (value.value !== events / 5) throw new Error(`${value.value} rows were copied`);
  return { figures: { "events/s": events / value.seconds }, operations: events };
}
