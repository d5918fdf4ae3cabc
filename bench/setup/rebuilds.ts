/** Our rebuild from both sources, as contenders. */
import type { Contender, Run, RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { RebuildArgs, RebuildResult } from "../jobs/rebuild.ts";
import type { Filled } from "../workload/filled.ts";
import { checkView } from "../workload/views.ts";

export const kafka = "from Kafka";
export const table = "from the events table";

/** Both sources of ours. */
export const ours = (filled: () => Filled, view: string): Contender[] => [
  { name: kafka, run: (context) => rebuilt(context, filled(), { view, source: filled().place }) },
  { name: table, run: (context) => rebuilt(context, filled(), { view, source: { url: filled().url } }) },
];

const sizeNames = ["RSS MiB at 10 %", "RSS MiB at 50 %", "RSS MiB at 100 %", "peak RSS MiB"];
/** The sizes that a run noted, as figures. */
export function sizesOf(run: Run): Run {
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
