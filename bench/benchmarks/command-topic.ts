/**
 * Commands through Kafka against the synchronous path: how fast a processor decides what waits in the topic, what a caller sees of acceptance (durable in
 * Kafka), and of the outcome that it waits for. Callers, acceptance and processor share one process, as the synchronous path has its callers in its own.
 */
import { orders } from "../../examples/orders/domain.ts";
import type { Benchmark, Contender, Run, RunContext } from "../benchmark.ts";
import { percentile } from "../harness/statistics.ts";
import { closedLoop, type LoopResult } from "../load/closed-loop.ts";
import { type OrderCommand, orderCommands, orderLives } from "../load/order-commands.ts";
import { checkWriteStore } from "../setup/check-write-store.ts";
import { openCommandTopicSide } from "../setup/command-topic.ts";
import { openWriteSide } from "../setup/commands.ts";

export default {
  name: "command-topic",
  title: "commands of orders accepted in Kafka and decided by a processor, against the synchronous path",
  cases: ({ quick }) => [
    {
      name: "decided, 256 callers or a backlog",
      against: "synchronous",
      contenders: [rateOnly(synchronous(256)), backlog(quick ? 20_000 : 60_000)],
      goals: [{ row: "command topic, throughput", of: "processor", against: "synchronous", atLeast: 1 }],
    },
    { name: "256 callers", against: "synchronous", contenders: [synchronous(256), accepting(256), waiting(256)] },
    { name: "1 caller", against: "synchronous", contenders: [synchronous(1), accepting(1), waiting(1)] },
  ],
} satisfies Benchmark;

const synchronous = (callers: number): Contender => ({
  name: "synchronous",
  async run(context) {
    const { url } = await context.database();
    const side = await openWriteSide(url, { aggregates: [orders] });
    const { run, total } = await load(context, callers, ({ command }) => side.execute(command));
    await side.close();
    await checkWriteStore(url, { events: total, commands: total });
    return run;
  },
});

const rateOnly = (contender: Contender): Contender => ({
  name: contender.name,
  async run(context) {
    const { figures, ...run } = await contender.run(context);
    return { ...run, figures: { "commands/s": figures["commands/s"]! } };
  },
});

/** All of it waits in the topic before the processor begins. */
const backlog = (commands: number): Contender => ({
  name: "processor",
  async run(context) {
    const { url } = await context.database();
    const side = await openCommandTopicSide(url, (await context.kafka()).brokers, orders);
    for (let order = 0; order < commands / 5; order += 200)
      await Promise.all(
        Array.from({ length: Math.min(200, commands / 5 - order) }, async (_, i) => {
          for (const { command } of orderCommands(order + i)) await side.accept(command);
        }),
      );
    const { seconds } = await context.measured(async () => {
      side.decide();
      await side.decided();
    });
    await side.close();
    await checkWriteStore(url, { events: commands, commands });
    return { figures: { "commands/s": commands / seconds }, operations: commands };
  },
});

/** The callers go on when Kafka has their command; the section ends when all of them are decided. */
const accepting = (callers: number): Contender => ({
  name: "accepted and decided",
  async run(context) {
    const { url } = await context.database();
    const side = await openCommandTopicSide(url, (await context.kafka()).brokers, orders);
    side.decide();
    const call = orderLives(({ command }) => side.accept(command));
    const before = await closedLoop(callers, context.warmUpSeconds, call);
    await side.decided();
    const { value, seconds } = await context.measured(async () => {
      const result = await closedLoop(callers, context.seconds, call);
      await side.decided();
      return result;
    });
    await side.close();
    await checkWriteStore(url, { events: before.calls + value.calls, commands: before.calls + value.calls });
    return { figures: { ...figures(value), "commands/s": value.calls / seconds }, operations: value.calls };
  },
});

/** Each caller waits for its outcome, pushed by the processor. */
const waiting = (callers: number): Contender => ({
  name: "outcome awaited",
  async run(context) {
    const { url } = await context.database();
    const side = await openCommandTopicSide(url, (await context.kafka()).brokers, orders);
    side.decide();
    const { run, total } = await load(context, callers, ({ command }) => side.acceptAndWait(command));
    await side.close();
    await checkWriteStore(url, { events: total, commands: total });
    return run;
  },
});

async function load(
  context: RunContext,
  callers: number,
  execute: (command: OrderCommand) => Promise<void>,
): Promise<{ run: Run; total: number }> {
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
