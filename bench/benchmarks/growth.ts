/** Whether the cost of an event grows with how many there are: CPU time an event, and memory, of relay and rebuild at 10^5, 10^6 (and 10^7) events. */
import type { Benchmark, Case, Contender, Run, RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { RebuildArgs, RebuildResult } from "../jobs/rebuild.ts";
import { relayRun } from "../setup/relay-run.ts";
import { type Filled, fill } from "../workload/filled.ts";
import { checkView } from "../workload/views.ts";

const nameOf = (events: number) => `${events.toLocaleString("en")} events`;

export default {
  name: "growth",
  long: true,
  title: "CPU time an event (of the process itself) and its highest memory, by the number of events; few and many alternate",
  cases({ quick, large }) {
    const sizes = quick ? [20_000, 100_000] : large ? [100_000, 1_000_000, 10_000_000] : [100_000, 1_000_000];
    return [
      growth("relay", sizes, relayed),
      growth("rebuild from Kafka", sizes, (context, filled) => rebuilt(context, filled, filled.place)),
      growth("rebuild from the events table", sizes, (context, filled) => rebuilt(context, filled, { url: filled.url })),
    ];
  },
} satisfies Benchmark;

function growth(name: string, sizes: readonly number[], run: (context: RunContext, filled: Filled) => Promise<Run>): Case {
  const filled = new Map<number, Filled>();
  return {
    name,
    against: nameOf(sizes[0]!),
    rounds: 2,
    contenders: sizes.map((events): Contender => ({ name: nameOf(events), run: (context) => run(context, filled.get(events)!) })),
    async prepare(context) {
      for (const events of sizes) filled.set(events, await fill(context, events));
      return async () => {
        for (const each of filled.values()) await each.drop();
      };
    },
  };
}

async function relayed(context: RunContext, { url, events }: Filled): Promise<Run> {
  const { seconds, cpuSeconds, peakRssMiB } = await relayRun(context, { url, events, count: 1 });
  return {
    figures: { "CPU us an event": (cpuSeconds * 1e6) / events, "peak RSS MiB": peakRssMiB, "events/s": events / seconds },
    operations: events,
  };
}

async function rebuilt(context: RunContext, { events }: Filled, source: RebuildArgs["source"]): Promise<Run> {
  const { url } = await context.database();
  const args: RebuildArgs = { view: "plain_orders", url, source };
  const job = await startJob<RebuildResult>("rebuild", args);
  context.child(job.pid);
  const { value } = await context.measured(() => job.go());
  await job.close();
  await checkView(url, args.view, events);
  return {
    figures: { "CPU us an event": (value.cpuSeconds * 1e6) / events, "peak RSS MiB": value.peakRssMiB, "events/s": events / value.seconds },
    operations: events,
  };
}
