/** The textbook's projection as contenders. */
import type { Contender } from "../benchmark.ts";
import { startJob } from "../jobs/job.ts";
import type { TextbookArgs } from "../jobs/textbook.ts";

export const textbookContenders = (events: number): Contender[] => [
  contender("textbook, one connection", events, 1),
  contender("textbook, 6 connections", events, 6),
];

const contender = (name: string, events: number, connections: number): Contender => ({
  name,
  async run(context) {
    const args: TextbookArgs = { url: (await context.database()).url, events, connections };
    const job = await startJob<number>("textbook", args);
    context.child(job.pid);
    const { value } = await context.measured(() => job.go());
    await job.close();
    if (value.value !== events / 5) throw new Error(`${value.value} orders of ${events / 5} are there and paid`);
    return { figures: { "events/s": events / value.seconds }, operations: events, notes: { events, connections } };
  },
});
