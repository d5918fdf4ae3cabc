/** From a checkpoint's commit to the answer of a read that waited for it (`bench/wake.ts`). */
import type { Benchmark, Case } from "../benchmark.ts";
import { wake } from "../wake.ts";

const forms = [
  { name: "one process", split: false, atMost: 20 },
  { name: "projection in another process", split: true, atMost: 50 },
] as const;

export default {
  name: "wake",
  title:
    "clients create an order and at once read it with the token: from the checkpoint's commit to the read's answer, through Kafka and PostgreSQL",
  cases: ({ quick }) => forms.flatMap((form) => (quick ? [20] : [1, 20, 100]).map((clients): Case => wakeCase(form, clients, quick))),
} satisfies Benchmark;

function wakeCase({ name, split, atMost }: (typeof forms)[number], clients: number, quick: boolean): Case {
  const ordersPerClient = clients === 1 ? 300 : quick ? 20 : 40;
  return {
    name: `${name}, ${clients} client${clients === 1 ? "" : "s"}`,
    // a part of each run itself is not measured
    warmUp: false,
    contenders: [
      {
        name: "Tidemark",
        async run(context) {
          const servers = { brokers: await context.kafka(), server: await context.postgres() };
          const { value } = await context.measured(() => wake({ split, clients, ordersPerClient }, servers));
          return {
            figures: {
              "p99 ms": value.commitToAnswerMs.p99,
              "p50 ms": value.commitToAnswerMs.p50,
              "write to answer p50 ms": value.writeToAnswerMs.p50,
              "reads woken by the fallback alone": value.fallbackWakes,
            },
            operations: value.reads,
          };
        },
      },
    ],
    goals: [
      { row: "commit to the waiting read's answer (I5), ms", of: "Tidemark", figure: "p99 ms", atMost },
      { row: "woken by the slow fallback alone (I5)", of: "Tidemark", figure: "reads woken by the fallback alone", atMost: 0 },
    ],
  };
}
