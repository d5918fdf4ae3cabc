/** I9: a view is a function of its logs alone. */
import type { Mutant } from "../mutant.ts";

const file = "src/runtime/fold-batch.ts";
const batch = (pattern: string) => [{ file: "src/postgres/view-batch.test.ts", pattern }];

export const functionOfLogs: readonly Mutant[] = [
  {
    name: "copied-fields-seen",
    clause: "I9",
    takes: "handlers do not see copied fields",
    file,
    find: "current.document === null ? null : stripCopies(view, current.document)",
    replace: "current.document",
    tests: batch("handlers see no copied fields"),
  },
  {
    name: "version-reset",
    clause: "I9",
    takes: "versions of documents that many streams feed go on over a deletion",
    file,
    find: `if (view.keyed === "stream" && document === null) {`,
    replace: "if (document === null) {",
    tests: batch("goes on over a deletion"),
  },
  {
    name: "clock",
    clause: "I9",
    takes: "times come from events",
    file,
    find: 'if (view.keyed === "stream" || event.time > updated) updated = event.time;',
    replace: "updated = new Date().toISOString();",
    tests: batch("the time of a document"),
  },
  {
    name: "latest-applied",
    clause: "I9",
    takes: "the time of a document is its latest event's, not the one's that came last",
    file,
    find: 'if (view.keyed === "stream" || event.time > updated) updated = event.time;',
    replace: "updated = event.time;",
    tests: batch("the time of a document"),
  },
];
