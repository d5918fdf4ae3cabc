/** Events/s of a live projection that works off a backlog of 6 partitions in 1, 2 and 4 processes of one group. */
import type { Benchmark, Run, RunContext } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { ProjectArgs, ProjectProgress } from "../jobs/project.ts";
import { type Filled, withFilled } from "../workload/filled.ts";
import { checkView } from "../workload/views.ts";

const names = new Map([
  [1, "1 process"],
  [2, "2 processes"],
  [4, "4 processes"],
]);

export default {
  name: "projection-workers",
  quickSeconds: 26,
  title:
    "events/s of a view that works off a backlog, from when each process has partitions; the processes share the machine with PostgreSQL and Kafka",
  cases({ quick, large }) {
    const events = quick ? 100_000 : large ? 1_000_000 : 300_000;
    return withFilled([events], (filled) => [
      {
        name: `${events.toLocaleString("en")} events, 6 partitions`,
        against: names.get(1)!,
        // each contender is in processes of its own
        warmUp: false,
        contenders: [...names].map(([count, name]) => ({ name, run: (context) => worked(context, filled(events), count) })),
      },
    ]);
  },
} satisfies Benchmark;

interface Moment {
  readonly at: bigint;
  readonly done: number;
}

async function worked(context: RunContext, { events, place }: Filled, count: number): Promise<Run> {
  const { url } = await context.database();
  const args: ProjectArgs = { url, ...place };
  const positions = new Map<number, number>();
  const withPartitions = new Set<number>();
  let begun: Moment | undefined;
  const ended = Promise.withResolvers<Moment>();
  const onTold = (worker: number) => (message: unknown) => {
    const { assigned, at } = message as ProjectProgress;
    if (assigned.length > 0) withPartitions.add(worker);
    for (const { partition, position } of assigned) positions.set(partition, Math.max(positions.get(partition) ?? 0, position));
    const moment = { at: BigInt(at), done: [...positions.values()].reduce((sum, position) => sum + position, 0) };
    if (begun === undefined && withPartitions.size === count) begun = moment;
    if (moment.done >= events) ended.resolve(moment);
  };
  const jobs = await Promise.all(Array.from({ length: count }, (_, worker) => startJob("project", args, { onTold: onTold(worker) })));
  for (const job of jobs) context.child(job.pid);
  const { value: end } = await context.measured(async () => {
    await Promise.all(jobs.map((job) => job.go()));
    return Promise.race([ended.promise, ...jobs.map((job) => job.failed)]);
  });
  await Promise.all(jobs.map((job) => job.close()));
  await checkView(url, "plain_orders", events);
  if (begun === undefined || begun.done > events * 0.7)
    throw new Error(`${begun?.done ?? "all"} of ${events} events were done before each process had partitions: the backlog is too small`);
  const seconds = Number(end.at - begun.at) / 1e9;
  return {
    figures: { "events/s": (end.done - begun.done) / seconds },
    operations: events,
    notes: { "events before all had partitions": begun.done },
  };
}
