/** I6 for accepted commands: none is forgotten, doubled or blamed for what others did. */
import type { Mutant } from "../mutant.ts";

const faults = (pattern: string) => [{ file: "src/runtime/command-faults.test.ts", pattern }];
const handover = (pattern: string) => [{ file: "src/runtime/command-handover.test.ts", pattern }];
const kafka = (pattern: string) => [{ file: "src/kafka/command-topic.int.test.ts", pattern }];

export const commandFaults: readonly Mutant[] = [
  {
    name: "accepted-behind-transaction",
    clause: "I6",
    takes: "the look behind somebody's open transaction for a command that was acknowledged",
    file: "src/kafka/waiting-commands.ts",
    find: "await readTo(written, open, true);",
    replace: "await readTo(written, open, false);",
    tests: kafka("what was accepted waits from then on"),
  },
  {
    name: "accepted-before-written",
    clause: "I6",
    takes: "that the end of acknowledged records is asked for, not that of the first open transaction",
    file: "src/kafka/wire-offsets.ts",
    find: `const isolation = which === "written" ? readUncommitted : readCommitted;`,
    replace: "const isolation = readCommitted + readUncommitted;",
    tests: kafka("what was accepted waits from then on"),
  },
  {
    name: "reading-over-markers",
    clause: "I6",
    takes: "that a reading which found markers alone says how far it came",
    file: "src/kafka/topic-reader.ts",
    find: "if (next > offset) return { records, next };",
    replace: "if (records.length > 0) return { records, next };",
    tests: kafka("a reading goes over markers"),
  },
  {
    name: "load-halved",
    clause: "I6",
    takes: "that a stream which cannot be loaded fails alone",
    file: "src/runtime/command-batch.ts",
    find: `if ((failure.kind === "data" || unreadable) && streams.length > 1) {`,
    replace: `if ((failure.kind === "data" || unreadable) && streams.length > 1e9) {`,
    tests: faults("a stream whose events are"),
  },
  {
    name: "compacted-commands",
    clause: "I6",
    takes: "the refusal of a topic whose compaction removes undecided commands",
    file: "src/kafka/command-topic-settings.ts",
    find: `if ((settings.get("cleanup.policy") ?? "").includes("compact"))`,
    replace: `if (settings.get("cleanup.policy") === "compact")`,
    tests: kafka("a topic with cleanup.policy=compact,delete"),
  },
  {
    name: "event-source",
    clause: "I6",
    takes: "the source from the id of a CloudEvent",
    file: "src/runtime/command-record.ts",
    find: `JSON.stringify(["cloudevent", log, source, id])`,
    replace: `JSON.stringify(["cloudevent", log, id])`,
    tests: faults("CloudEvents' source and id"),
  },
  {
    name: "handover-compared",
    clause: "I6",
    takes: "the comparison of a record's data with what was accepted under its id",
    file: "src/runtime/command-handover.ts",
    find: "isText(value, found.value)",
    replace: "found.value !== null",
    tests: handover("a record that differs anywhere"),
  },
  {
    name: "handover-headers",
    clause: "I6",
    takes: "the comparison of a record's headers with what was accepted under its id",
    file: "src/runtime/command-handover.ts",
    find: "name === found.headers[i]![0] && isText(content, found.headers[i]![1])",
    replace: "name === found.headers[i]![0] || isText(content, found.headers[i]![1])",
    tests: handover("a record that differs anywhere"),
  },
];
