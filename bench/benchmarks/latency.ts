/** Latency of a command at half of the load that the same process takes at most: the highest rate is measured first, in the same run. */
import { orders } from "../../examples/orders/domain.ts";
import type { Benchmark, Run, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop } from "../load/closed-loop.ts";
import { openLoop } from "../load/open-loop.ts";
import { type OrderCommand, orderCommands, orderLives } from "../load/order-commands.ts";
import { checkEmmett, emmettPoolSize, openEmmett } from "../opponents/emmett.ts";
import { decide, evolve, initialState } from "../opponents/order-decider.ts";
import { checkWriteStore } from "../setup/check-write-store.ts";
import { openWriteSide } from "../setup/commands.ts";

const callers = 256;
/** Orders of the closed loop come first. */
const firstOfOpenLoop = 10_000_000;

export default {
  name: "latency",
  quickSeconds: 10,
  title: "a command's time from its arrival to its durable answer; arrivals by Poisson's law at half of each contender's own highest rate",
  opponents: true,
  cases() {
    /** Of Emmett in the same round, or in the round before. */
    let emmettsPerSecond: number | undefined;
    return [
      {
        name: "half of the highest rate",
        against: "Emmett",
        contenders: [
          { name: "Tidemark", run: (context) => tidemark(context) },
          {
            name: "Emmett",
            async run(context) {
              const run = await emmett(context);
              emmettsPerSecond = run.figures["arrivals/s"];
              return run;
            },
          },
          { name: atEmmettsRate, run: (context) => tidemark(context, emmettsPerSecond) },
        ],
        goals: [{ row: "a command's latency at the same load", of: atEmmettsRate, against: "Emmett", figure: "p99 ms", atMost: 1 }],
      },
    ];
  },
} satisfies Benchmark;

const atEmmettsRate = "Tidemark at Emmett's rate";

async function tidemark(context: RunContext, perSecond?: number): Promise<Run> {
  const { url } = await context.database();
  const side = await openWriteSide(url, { aggregates: [orders] });
  const { run, total } = await load(context, ({ command }) => side.execute(command), perSecond);
  await side.close();
  await checkWriteStore(url, { events: total, commands: total });
  return run;
}

async function emmett(context: RunContext): Promise<Run> {
  const { url } = await context.database();
  const side = await openEmmett(url, { poolSize: emmettPoolSize, evolve, initialState });
  const { run, total } = await load(context, (command) => side.execute(command.stream, (order) => decide(order, command)));
  await side.close();
  await checkEmmett(url, total);
  return run;
}

/** `perSecond`: half of the highest rate of this contender unless given. */
async function load(context: RunContext, execute: (command: OrderCommand) => Promise<void>, given?: number) {
  const call = orderLives(execute);
  const warm = await closedLoop(callers, context.warmUpSeconds, call);
  const highest = given === undefined ? await closedLoop(callers, context.seconds / 2, call) : undefined;
  const perSecond = given ?? highest!.calls / highest!.seconds / 2;
  const next = arrivals(execute);
  const { value } = await context.measured(() => openLoop(perSecond, context.seconds, next));
  return {
    run: {
      figures: {
        "p50 ms": percentile(value.latenciesMs, 0.5),
        "p99 ms": percentile(value.latenciesMs, 0.99),
        "arrivals/s": value.calls / context.seconds,
      },
      operations: value.calls,
    },
    total: warm.calls + (highest?.calls ?? 0) + value.calls,
  };
}

/** Each arrival is the next command of an order that is not under way, of a new order where there is none. */
function arrivals(execute: (command: OrderCommand) => Promise<void>): () => Promise<void> {
  const free: OrderCommand[][] = [];
  let next = firstOfOpenLoop;
  return async () => {
    const life = free.shift() ?? [...orderCommands(next++)];
    await execute(life.shift()!);
    if (life.length > 0) free.push(life);
  };
}
