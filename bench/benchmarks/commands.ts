import { orders } from "../../examples/orders/domain.ts";
/**
 * Commands/s of 1 to 1,000 callers. Tidemark validates, looks up the command id, decides, stores events and answer; Emmett reads the stream,
 * decides, stores the events. Two upper limits beside them: the same rows into the same events table without any logic, as many a commit as there are callers.
 */
import type { Benchmark, Case, Contender, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop, type LoopResult } from "../load/closed-loop.ts";
import { type OrderCommand, orderLives } from "../load/order-commands.ts";
import { checkEmmett, emmettPoolSize, openEmmett } from "../opponents/emmett.ts";
import { decide, evolve, initialState } from "../opponents/order-decider.ts";
import { copyContender, insertContender } from "../setup/bare-writes.ts";
import { checkWriteStore } from "../setup/check-write-store.ts";
import { openWriteSide } from "../setup/commands.ts";

const row = "commands/s, durable, deduplicated, validated";
const goals: Readonly<Record<number, number>> = { 1: 2, 64: 10, 256: 15 };

export default {
  name: "commands",
  quickSeconds: 25,
  title:
    "commands of orders (create with 2 items, two items added, submit, pay), durable; each caller waits for its answer before the next",
  opponents: true,
  cases: ({ quick }) => (quick ? [1, 64, 256] : [1, 64, 256, 1_000]).map((callers) => withCallers(callers, !quick || callers === 256)),
} satisfies Benchmark;

function withCallers(callers: number, limits: boolean): Case {
  const atLeast = goals[callers];
  return {
    name: callers === 1 ? "1 caller" : `${callers} callers`,
    against: "Emmett",
    contenders: [tidemark(callers), emmett(callers), ...(limits ? [insertContender(callers), copyContender(callers)] : [])],
    goals: atLeast === undefined ? [] : [{ row, of: "Tidemark", against: "Emmett", atLeast }],
  };
}

const tidemark = (callers: number): Contender => ({
  name: "Tidemark",
  async run(context) {
    const { url } = await context.database();
    const side = await openWriteSide(url, { aggregates: [orders] });
    const { run, total } = await load(context, callers, ({ command }) => side.execute(command));
    await side.close();
    await checkWriteStore(url, { events: total, commands: total });
    return run;
  },
});

const emmett = (callers: number): Contender => ({
  name: "Emmett",
  async run(context) {
    const { url } = await context.database();
    const poolSize = emmettPoolSize;
    const side = await openEmmett(url, { poolSize, evolve, initialState });
    const { run, total } = await load(context, callers, (command) => side.execute(command.stream, (order) => decide(order, command)));
    await side.close();
    await checkEmmett(url, total);
    return { ...run, notes: { "pool size": poolSize } };
  },
});

async function load(context: RunContext, callers: number, execute: (command: OrderCommand) => Promise<void>) {
  const call = orderLives(execute);
  const before = await closedLoop(callers, context.warmUpSeconds, call);
  const { value } = await context.measured(() => closedLoop(callers, context.seconds, call));
  return { run: { figures: figures(value), operations: value.calls }, total: before.calls + value.calls };
}

const figures = ({ calls, seconds, latenciesMs }: LoopResult) => ({
  "commands/s": calls / seconds,
  "p50 ms": percentile(latenciesMs, 0.5),
  "p99 ms": percentile(latenciesMs, 0.99),
});
