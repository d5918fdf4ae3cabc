/** How fast a read model is made anew: events/s of a rebuild, beside what is done elsewhere and what the parts alone can do. */
import { topicOf } from "../../src/kafka/index.ts";
import type { Benchmark, Case, Run, RunContext } from "../benchmark.ts";
import type { CopyArgs } from "../jobs/copy-rows.ts";
import type { FetchArgs } from "../jobs/fetch.ts";
import { startJob } from "../jobs/job.ts";
import { emmettContenders } from "../setup/emmett-rebuild.ts";
import { kafka, ours } from "../setup/rebuilds.ts";
import { textbookContenders } from "../setup/textbook.ts";
import { type Filled, withFilled } from "../workload/filled.ts";

export default {
  name: "rebuild",
  quickSeconds: 32,
  title:
    "events/s of rebuilding a view of orders (5 events a document, one index) into a fresh generation; each contender in a process of its own",
  opponents: true,
  cases({ quick, large }) {
    const events = quick ? 100_000 : large ? 1_000_000 : 300_000;
    return withFilled([events], (filled) => [plain(() => filled(events), events, quick), references(() => filled(events), events, quick)]);
  },
} satisfies Benchmark;

const plain = (filled: () => Filled, events: number, quick: boolean): Case => ({
  name: `${events.toLocaleString("en")} events, one table`,
  against: "library's fetch and JSON.parse",
  // each contender is a process of its own: what a warm-up compiles is gone with it
  warmUp: !quick,
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
});

const references = (filled: () => Filled, events: number, quick: boolean): Case => ({
  name: `${events.toLocaleString("en")} events, order_summaries with the customers' names`,
  warmUp: !quick,
  contenders: ours(filled, "order_summaries"),
});

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
