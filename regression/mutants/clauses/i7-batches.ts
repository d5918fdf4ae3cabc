/** I7: everything is a batch, and a batch of one waits for nothing. */
import type { Mutant } from "../mutant.ts";

const queue = "src/runtime/command-queue.ts";
const handling = (pattern: string) => [{ file: "src/postgres/command-handling.int.test.ts", pattern: `postgres: ${pattern}` }];

export const batches: readonly Mutant[] = [
  {
    name: "one-command-a-call",
    clause: "I7",
    takes: "commands that wait together are appended together",
    file: queue,
    find: "take(lane, maxBatch - jobs.length)",
    replace: "take(lane, 1)",
    tests: handling("commands of one stream that wait together"),
  },
  {
    name: "one-call-a-stream",
    clause: "I7",
    takes: "cold streams of all waiting commands are loaded in one query",
    file: "src/runtime/starting-states.ts",
    find: "await store.load(wanted.map(toLoad))",
    replace: "(await Promise.all(wanted.map((job) => store.load([toLoad(job)])))).flat()",
    tests: handling("cold streams of all waiting commands"),
  },
  {
    name: "bisection",
    clause: "I7",
    takes: "a call that failed for its data is halved",
    file: "src/runtime/command-batch.ts",
    find: `if (failure.kind === "data" && jobs.length > 1) {`,
    replace: "if (false) {",
    tests: handling("text that slipped through fails alone"),
  },
  {
    name: "timer",
    clause: "I7",
    takes: "a lone command waits for no timer",
    file: queue,
    find: "process.nextTick(() => {",
    replace: "((later: () => void) => setTimeout(later, 20))(() => {",
    tests: [{ file: "src/runtime/command-answers.test.ts", pattern: "a lone command is appended" }],
  },
  {
    name: "one-get-a-query",
    clause: "I7",
    takes: "reads that wait together are one query",
    file: "src/runtime/gather.ts",
    find: "setImmediate(() => void go());",
    replace: "void go();",
    tests: [{ file: "src/runtime/gather.test.ts", pattern: "requests of one turn go together" }],
  },
];
