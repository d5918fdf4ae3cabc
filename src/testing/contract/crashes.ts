/** A process ends at each of its steps in turn; the next one goes on from the checkpoint, with other cuts, and nothing is folded twice or not at all. */
import assert from "node:assert/strict";
import { eventsFor } from "./batches.ts";
import { applyNext, feedNew, unlessDown } from "./feed.ts";
import { type Logs, random, randomLogs } from "./logs.ts";
import { death } from "./steps.ts";
import { type Group, group, viewsOf } from "./suite.ts";
import type { Suite } from "./world.ts";

export function crashCases(suite: Suite): void {
  group(suite, "crashes", ["crashes"], {
    "a process that ends before, in or after any step of a batch": everyStep,
  });
}

const moments = ["before", "middle", "after"] as const;

async function everyStep({ suite, main, process, assertFold }: Group, t: { diagnostic(message: string): void }): Promise<void> {
  const counts = new Map<string, number>();
  for (const view of viewsOf(suite)) {
    const r = random(suite.seed);
    const logs = randomLogs(r, { partitions: 2, orders: 8, customers: 4, orderEvents: 260, customerEvents: 120 });
    const { generation } = await feedNew(main, view, 2);
    const projection = main.projection(view, generation);
    const open = view.logs.flatMap((log) => [0, 1].map((partition) => ({ log: log as keyof Logs, partition })));
    // a step that is not reached is beyond the last one of a batch: from there on at the first one again
    let step = 1;
    let moment = 0;
    let deaths = 0;
    while (open.length > 0) {
      const { log, partition } = open[r.below(open.length)]!;
      const events = logs[log][partition]!;
      const mortal = death();
      const store = await process(mortal.steps);
      const doomed = store.projection(view, generation);
      const from = await projection.checkpoint(log, partition);
      mortal.at(step, moments[moment]!);
      const outcome = await unlessDown(applyNext(doomed, from, events, 1 + r.below(14)));
      if (outcome === "end") {
        open.splice(
          open.findIndex((one) => one.log === log && one.partition === partition),
          1,
        );
        continue;
      }
      if (mortal.dead) {
        deaths += 1;
        moment = (moment + 1) % moments.length;
        if (moment === 0) step += 1;
      } else {
        assert.equal(outcome, "applied", "a process that lives on is the only one");
        step = 1;
      }
      // whoever comes next may take more or fewer of the events, or those of another partition before
      if (r.below(2) === 0) await unlessDown(applyNext(projection, await projection.checkpoint(log, partition), events, 1 + r.below(14)));
    }
    await assertFold(view, generation, eventsFor(view, logs));
    counts.set(view.name, deaths);
  }
  for (const [name, deaths] of counts) assert.ok(deaths >= 6, `${name}: ${deaths} deaths; the steps of this store are not told`);
  t.diagnostic(`deaths: ${JSON.stringify(Object.fromEntries(counts))}`);
}
