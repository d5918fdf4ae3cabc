/** Latency of a command at half of the load that the same process takes at most: the highest rate is measured first, in the same run. */
import { orders } from "../../examples/orders/domain.ts";
import type { Benchmark, RunContext } from "../benchmark.ts";
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
  title: "a command's time from its arrival to its durable answer; arrivals by Poisson's law at half of each contender's own highest rate",
  opponents: true,
  cases: () => [
    {
      name: "half of the highest rate",
      against: "Emmett",
      contenders: [
        {
          name: "Tidemark",
          async run(context) {
            const { url } = await context.database();
            const side = await openWriteSide(url, { aggregates: [orders] });
            const { run, total } = await load(context, ({ command }) => side.execute(command));
            await side.close();
            await checkWriteStore(url, { events: total, commands: total });
            return run;
          },
        },
        {
          name: "Emmett",
          async run(context) {
            const { url } = await context.database();
            const side = await openEmmett(url, { poolSize: emmettPoolSize, evolve, initialState });
            const { run, total } = await load(context, (command) => side.execute(command.stream, (order) => decide(order, command)));
            await side.close();
            await checkEmmett(url, total);
            return run;
          },
        },
      ],
    },
  ],
} satisfies Benchmark;

async function load(context: RunContext, execute: (command: OrderCommand) => Promise<void>) {
  const call = orderLives(execute);
  const warm = await closedLoop(callers, context.warmUpSeconds, call);
  const highest = await closedLoop(callers, context.seconds / 2, call);
  const perSecond = highest.calls / highest.seconds / 2;
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
    total: warm.calls + highest.calls + value.calls,
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
