/** I6 for commands that are decided later: the position moves with their outcomes, in one transaction, and only over those that have one. */
import type { Mutant } from "../mutant.ts";

const file = "src/postgres/migrations/write/0010-command-positions.ts";
const ledger = (pattern: string) => [{ file: "src/postgres/command-ledger.int.test.ts", pattern: `postgres: ${pattern}` }];
const processor = (pattern: string) => [{ file: "src/runtime/command-processor.test.ts", pattern }];

export const commandTopic: readonly Mutant[] = [
  {
    name: "position-compared",
    clause: "I6",
    takes: "the comparison of a processor's position before it appends",
    file,
    find: "if v_next is distinct from p_from then",
    replace: "if v_next is null then",
    tests: ledger("an append and its position are one"),
  },
  {
    name: "position-prefix",
    clause: "I6",
    takes: "that the position stops at the first command without an outcome",
    file,
    find: "exit when v_letter not in ('A', 'D');",
    replace: "",
    tests: ledger("the position moves over the longest beginning"),
  },
  {
    name: "position-reused-id",
    clause: "I6",
    takes: "that another command under a known id has no outcome by the first one's",
    file,
    find: "exit when v_letter = 'D' and not exists(",
    replace: "exit when false and v_letter = 'D' and not exists(",
    tests: ledger("the position moves over the longest beginning"),
  },
  {
    name: "position-refusal",
    clause: "I6",
    takes: "that a refusal which is not stored is no outcome",
    file: "src/postgres/command-ledger.ts",
    find: `outcome === "open" || commands[outcome]?.kind === "check" ? -1`,
    replace: `outcome === "open" ? -1`,
    tests: ledger("the position moves over the longest beginning"),
  },
  {
    name: "command-topic-made-again",
    clause: "I6",
    takes: "the refusal of another topic id",
    file: "src/runtime/command-partition.ts",
    find: "if (stored.topicId !== topic.topicId)",
    replace: "if (stored.topicId === null)",
    tests: processor("a topic that was deleted and made again"),
  },
  {
    name: "replies-again",
    clause: "I6",
    takes: "the sending of replies that a killed processor may not have sent",
    file: "src/runtime/command-partition.ts",
    find: "await replies.sendAgain(started, stopping.signal);",
    replace: "",
    tests: processor("a reply that was lost with its process"),
  },
  {
    name: "reply-failed",
    clause: "I6",
    takes: "that a failed reply is noticed where no command comes after it",
    file: "src/runtime/command-partition.ts",
    find: "AbortSignal.any([stopping.signal, replies.failed])",
    replace: "AbortSignal.any([stopping.signal])",
    tests: processor("a reply that could not be sent"),
  },
];
