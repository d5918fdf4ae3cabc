/** Memory of a rebuild: the same for few events and for many. */
import type { Benchmark } from "../benchmark.ts";
import { kafka, ours, sizesOf, table } from "../setup/rebuilds.ts";
import { withFilled } from "../workload/filled.ts";

export default {
  name: "rebuild-memory",
  title: "resident memory of a rebuild's process at 10, 50 and 100 % of the events; one run of each",
  cases({ quick, large }) {
    const events = quick ? 100_000 : large ? 10_000_000 : 1_000_000;
    return withFilled([events], (filled) => [
      {
        name: `${events.toLocaleString("en")} events`,
        rounds: 1,
        warmUp: false,
        contenders: ours(() => filled(events), "plain_orders").map((each) => ({
          ...each,
          run: async (context) => sizesOf(await each.run(context)),
        })),
        goals: [kafka, table].map((of) => ({ row: "memory while rebuilding", of, figure: "peak RSS MiB", atMost: 512 })),
      },
    ]);
  },
} satisfies Benchmark;
