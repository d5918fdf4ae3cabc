/** Views on a store without transactions: workers, zombies, lost answers and crashes between any two steps; afterwards every document is what a fresh fold gives. */
import { test } from "node:test";
import { type DocumentProcess, documentWorld } from "../../test/document-world.ts";
import { allViews, eventsOf, type Logs, type Random, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { ViewStore } from "./ports.ts";

const partitions = 3;
const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 10);

/** Each step may fail before its effect, or after it (its answer is lost), or take its time. */
function trouble({ catalog, rows }: DocumentProcess, r: Random, oneIn: number): void {
  const down = () => {
    if (r.below(oneIn) === 0) throw new TidemarkError("UNAVAILABLE", { what: "injected" });
    return r.below(3) === 0 ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined;
  };
  for (const point of ["readRows", "writeRows", "referring", "visible"] as const) {
    rows.faults.before(point, down);
    rows.faults.after(point, down);
  }
  for (const point of ["move", "checkpoint"] as const) {
    catalog.faults.before(point, down);
    catalog.faults.after(point, down);
  }
}

async function run(
  store: ViewStore,
  view: AnyView,
  generation: number,
  log: string,
  partition: number,
  logs: Logs,
  r: Random,
  most: number,
) {
  const projection = store.projection(view, generation);
  const events = logs[log as keyof Logs][partition]!;
  let from: Awaited<ReturnType<typeof projection.checkpoint>> | undefined;
  for (;;) {
    try {
      // an old checkpoint now and then: a zombie's
      if (from === undefined || r.below(4) > 0) from = await projection.checkpoint(log, partition);
      if ((await applyNext(projection, from, events, 1 + r.below(most))) === "end") return;
    } catch (error) {
      if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
    }
  }
}

for (let seed = 1; seed <= rounds; seed++) {
  test(`random cuts, rivals and faults: every view is a fold of its logs (seed ${seed})`, async () => {
    const r = random(seed);
    const { open } = documentWorld();
    const logs = randomLogs(r, { partitions, orders: 8, customers: 6, orderEvents: 150, customerEvents: 80 });
    const calm = open();
    await calm.store.migrate({ ddl: true });
    const processes = [open(), open()];
    for (const one of processes) trouble(one, r, 30);
    for (const view of allViews) {
      await calm.store.ensure(view);
      await calm.store.projection(view, 1).checkpoints(new Map(view.logs.map((log) => [log, partitions])));
    }
    await Promise.all(
      allViews.flatMap((view) =>
        view.logs.flatMap((log) =>
          Array.from({ length: partitions * 2 }, (_, i) =>
            run(processes[i % 2]!.store, view, 1, log, i % partitions, logs, random(seed * 1_000 + i), 1 + r.below(40)),
          ),
        ),
      ),
    );
    for (const view of allViews)
      await assertFold(calm.store, view, 1, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
  });
}
