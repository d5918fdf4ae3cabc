/** I6: same command id, same answer. */
import type { Mutant } from "../mutant.ts";

const file = "src/postgres/migrations/write/0002-append.ts";
const meeting = (pattern: string) => [{ file: "src/postgres/append-interleavings.int.test.ts", pattern }];
const stored = (pattern: string) => [{ file: "src/postgres/event-store.int.test.ts", pattern: `postgres: ${pattern}` }];
const handling = (pattern: string) => [{ file: "src/postgres/command-handling.int.test.ts", pattern: `postgres: ${pattern}` }];

export const sameAnswer: readonly Mutant[] = [
  {
    name: "stored-answer",
    clause: "I6",
    takes: "the look-up of ids that have an answer",
    file,
    find: "lateral (select from commands k where k.command_id = u.id limit 1) x;",
    replace: "lateral (select from commands k where k.command_id = u.id and false limit 1) x;",
    tests: stored("a repeat gets its first answer"),
  },
  {
    name: "claims-order",
    clause: "I6",
    takes: "the order in which ids are claimed",
    file: "src/postgres/migrations/write/0003-append-quick.ts",
    find: `
                   order by p_id[i] collate "C"`,
    replace: "",
    tests: meeting("quick: ids are claimed in one order"),
  },
  {
    name: "claim-of-one",
    clause: "I6",
    takes: "the look at whether the claim was won, where a command is alone",
    file: "src/postgres/migrations/write/0005-append-one.ts",
    find: "v_known := not found;",
    replace: "v_known := false;",
    tests: meeting("quickest: an id that another call claims meanwhile"),
  },
  {
    name: "claim-of-fallen",
    clause: "I6",
    takes: "the deletion of claims of fallen commands",
    file,
    find: "where k.command_id = u.id and u.was = 'A' and u.state not in ('A', 'D');",
    replace: "where k.command_id = u.id and u.was = 'A' and u.state not in ('A', 'D') and false;",
    tests: meeting("careful: what falls with"),
  },
  {
    name: "rejection-stored",
    clause: "I6",
    takes: "rejections are kept",
    file: "src/postgres/migrations/write/0003-append-quick.ts",
    find: "as s, i from generate_series(1, cardinality(p_id)) i where p_kind[i] <> 'c'",
    replace: "as s, i from generate_series(1, cardinality(p_id)) i where p_kind[i] not in ('c', 'r')",
    tests: stored("a repeat gets its first answer"),
  },
  {
    name: "rejection-version",
    clause: "I6",
    takes: "rejections are kept only at the version that they were decided on",
    file,
    find: "elsif v_broken[s] or p_expected[i] <> v_ver[s] then",
    replace: "elsif v_broken[s] or (n > 0 and p_expected[i] <> v_ver[s]) then",
    tests: meeting("kept only at the version"),
  },
  {
    name: "fingerprint",
    clause: "I6",
    takes: "another command under a known id is refused",
    file: "src/runtime/outcomes.ts",
    find: "if (first.fingerprint !== command.fingerprint)",
    replace: "if (false)",
    tests: handling("an accepted command answers"),
  },
  {
    name: "fingerprint-in-process",
    clause: "I6",
    takes: "another command under an id that is under way is refused",
    file: "src/runtime/in-progress.ts",
    find: "if (one.fingerprint !== command.fingerprint)",
    replace: "if (false)",
    tests: [{ file: "src/runtime/in-progress.test.ts" }],
  },
  {
    name: "coalesced",
    clause: "I6",
    takes: "one id twice in a process is handled once",
    file: "src/runtime/in-progress.ts",
    find: "running.has(command.id) ? later(command, run) : first(command, run)",
    replace: "first(command, run)",
    tests: [{ file: "src/runtime/in-progress.test.ts" }],
  },
  {
    name: "refusal-from-cache",
    clause: "I6",
    takes: "412 is given only after append has confirmed the version and looked up the id",
    file: "src/runtime/command-batch.ts",
    find: "const entries = decideAll(jobs, starts, parts);",
    replace: `const entries = decideAll(jobs, starts, parts);
  for (const { job, decided } of entries) if (decided.kind === "check") job.reject(decided.refusal);`,
    tests: [
      {
        file: "src/runtime/command-answers.test.ts",
        pattern: "If-Match with the version that another process has made|a repeat gets its first answer",
      },
    ],
  },
];
