/** Whether the cost of an event grows with how many there are: CPU time an event, and memory, of relay and rebuild at 10^5, 10^6 (and 10^7) events. */
import type { Benchmark, Run, RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { RebuildArgs, RebuildResult } from "../jobs/rebuild.ts";
import { relayRun } from "../setup/relay-run.ts";
import { type Filled, withFilled } from "../workload/filled.ts";
import { checkView } from "../workload/views.ts";

const nameOf = (events: number) => `${events.toLocaleString("en")} events`;

export default {
  name: "growth",
  title: "CPU time an event (of the process itself) and its highest memory, by the number of events; few and many alternate",
  cases({ quick, large }) {
    const sizes = quick ? [20_000, 100_000] : large ? [100_000, 1_000_000, 10_000_000] : [100_000, 1_000_000];
    return withFilled(sizes, (filled) =>
      Object.entries(runs).map(([name, run]) => ({
        name,
        against: nameOf(sizes[0]!),
        rounds: 2,
        // each run is in a process of its own
        warmUp: false,
        contenders: sizes.map((events) => ({ name: nameOf(events), run: (context) => run(context, filled(events)) })),
        goals: sizes.slice(1).flatMap((events) => [
          { row: `${name}: what an event costs, of many and of few`, of: nameOf(events), against: nameOf(sizes[0]!), atMost: 1.1 },
          { row: `${name}: highest memory`, of: nameOf(events), figure: "peak RSS MiB", atMost: 512 },
        ]),
      })),
    );
  },
} satisfies Benchmark;

const runs: Readonly<Record<string, (context: RunContext, filled: Filled) => Promise<Run>>> = {
  "relay": relayed,
  "rebuild from Kafka": (context, each) => rebuilt(context, each, each.place),
  "rebuild from the events table": (context, each) => rebuilt(context, each, { url: each.url }),
};

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
