/** Emmett's rebuild as contenders. It reads each batch by a scan of all its events, so the fewer there are the quicker it is: few are in its favour. */
import type { Contender } from "../benchmark.ts";
import type { EmmettArgs } from "../jobs/emmett-rebuild.ts";
import { startJob } from "../jobs/job.ts";
import { type EmmettKind, emmettOrders, fillEmmett } from "../opponents/emmett-rebuild.ts";
import { orderOf } from "../workload/orders.ts";

/** The default is 100, with pauses of 50 ms between batches; larger ones change little, since each event has a transaction. */
const batchSize = 1_000;

export const emmettContenders = (events: number): Contender[] => [
  contender("Emmett, Pongo", "pongo", events),
  contender("Emmett, raw SQL", "raw", events),
];

const contender = (name: string, kind: EmmettKind, events: number): Contender => ({
  name,
  async run(context) {
    const { url } = await context.database();
    await fillEmmett(url, events);
    const args: EmmettArgs = { url, kind, batchSize };
    const job = await startJob("emmett-rebuild", args);
    context.child(job.pid);
    const { value } = await context.measured(() => job.go());
    await job.close();
    const found = await emmettOrders(url, kind);
    const total = Array.from({ length: events / 5 }, (_, n) => orderOf(n).total).reduce((sum, each) => sum + each, 0);
    if (found.orders !== events / 5 || found.total !== total)
      throw new Error(`${found.orders} orders of ${events / 5} with a total of ${found.total}, not ${total}`);
    return { figures: { "events/s": events / value.seconds }, operations: events, notes: { events, batchSize } };
  },
});
