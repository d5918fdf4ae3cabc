import { eventStore, migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
/**
 * What lanes are for: where a commit takes long (here 5 ms, by commit_delay), commits of different lanes overlap. One lane against four;
 * four processes with the same four lanes against one. Appends of the write store, without deciders.
 */
import type { Benchmark, Contender } from "../benchmark.ts";
import type { AppendLanesArgs, AppendLanesResult } from "../jobs/append-lanes.ts";
import { startJob } from "../jobs/job.ts";
import { checkCounts, checkWriteStore } from "../setup/check-write-store.ts";
import { writeSchema } from "../workload/write-store.ts";

/** Each commit waits so long before it flushes, whether others wait too or not. */
const slowCommit = { commit_delay: "5000", commit_siblings: "0" };
const lanes = 4;
const partitions = 16;
const commandsPerCall = 16;
const row = "append calls/s at 5 ms commit delay";
const names = { oneLane: "1 lane, 1 process", lanes: `${lanes} lanes, 1 process`, processes: `${lanes} lanes, 4 processes` };

export default {
  name: "commit-delay",
  quickSeconds: 9,
  title: `calls of append of ${commandsPerCall} commands each, 5 ms for a commit`,
  cases: () => [
    {
      name: "lanes and processes",
      // each contender is in processes of its own, which run their own warm-up
      warmUp: false,
      against: names.oneLane,
      contenders: [contender(names.oneLane, 1, 1), contender(names.lanes, lanes, 1), contender(names.processes, lanes, 4)],
      goals: [
        { row: `${row}, ${lanes} lanes`, of: names.lanes, against: names.oneLane, atLeast: 3 },
        { row: `${row}, 4 processes`, of: names.processes, against: names.lanes, atLeast: 0.9 },
      ],
    },
  ],
} satisfies Benchmark;

const contender = (name: string, lanes: number, processes: number): Contender => ({
  name,
  async run(context) {
    const { url } = await context.database(slowCommit);
    const database = await openDatabase({ url }, { schema: writeSchema });
    await migrateWriteStore(database, { schema: writeSchema, ddl: true });
    const store = eventStore(database);
    await store.openLogs(["orders"], partitions);
    await store.close();
    await database.close();
    const { warmUpSeconds, seconds } = context;
    const args: AppendLanesArgs = { url, lanes, partitions, commandsPerCall, warmUpSeconds, seconds };
    const jobs = await Promise.all(Array.from({ length: processes }, () => startJob<AppendLanesResult>("append-lanes", args)));
    try {
      for (const { pid } of jobs) context.child(pid);
      const { value: results } = await context.measured(() => Promise.all(jobs.map((job) => job.go())));
      const calls = results.reduce((sum, { value }) => sum + value.calls, 0);
      const warmUpCalls = results.reduce((sum, { value }) => sum + value.warmUpCalls, 0);
      await checkWriteStore(url, { events: (calls + warmUpCalls) * commandsPerCall, commands: (calls + warmUpCalls) * commandsPerCall });
      // one that was resolved by an error has failed the run already
      await checkCounts(url, { deadlocks }, { deadlocks: 0 });
      return {
        figures: { "calls/s": results.reduce((sum, { value }) => sum + value.calls / value.seconds, 0) },
        operations: calls,
        notes: { deadlocks: 0 },
      };
    } finally {
      await Promise.all(jobs.map((job) => job.close()));
    }
  },
});

const deadlocks = "select deadlocks as count from pg_stat_database where datname = current_database()";
