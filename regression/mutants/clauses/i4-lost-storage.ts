/** Storage that is not the one of its checkpoints: refused whole, told where everybody looks, fed again when it is back. */
import type { Mutant } from "../mutant.ts";

export const lostStorage: readonly Mutant[] = [
  {
    name: "lost-copy-bound",
    clause: "I4",
    takes: "the storage of private copies is bound with that of the documents",
    file: "src/runtime/document-store.ts",
    find: "[own, ...referenced].join",
    replace: "[own].join",
    tests: [{ file: "src/runtime/document-storage.test.ts", pattern: "a private copy of references that was exchanged" }],
  },
  {
    name: "lost-made-anew",
    clause: "I4",
    takes: "storage that was lost is not made anew",
    file: "src/runtime/document-view-store.ts",
    find: "rows.prepare((await checkpoints.storage()) === null)",
    replace: "rows.prepare(true)",
    tests: [{ file: "src/runtime/document-storage.test.ts", pattern: "a private copy of references that was lost" }],
  },
  {
    name: "lost-told",
    clause: "I4",
    takes: "what stands still for lost storage is told",
    file: "src/runtime/feed.ts",
    find: `if (isTidemarkError(error, "VIEW_STORE_DIVERGED")) return await standUntilBack(p, error);`,
    replace: "",
    tests: [{ file: "src/runtime/lost-storage.test.ts", pattern: "lost under a running worker" }],
  },
  {
    name: "lost-tried-again",
    clause: "I4",
    takes: "lost storage is asked for again",
    file: "src/runtime/feed.ts",
    find: `    p.standing = false;
    await reload(p);
`,
    replace: "",
    tests: [{ file: "src/runtime/lost-storage.test.ts", pattern: "lost under a running worker" }],
  },
  {
    name: "lost-begin",
    clause: "I4",
    takes: "a worker that begins tells of lost storage",
    file: "src/runtime/lost-storage.ts",
    find: "if (before === undefined) await write(generation, failure, failure);",
    replace: "",
    tests: [{ file: "src/runtime/lost-storage.test.ts", pattern: "lost before a worker begins" }],
  },
  {
    name: "lost-taken-back",
    clause: "I4",
    takes: "what a process before wrote down is taken back",
    file: "src/runtime/lost-storage.ts",
    find: "return [...own, ...stored.filter(({ problem }) => problem.startsWith(code))];",
    replace: "return own;",
    tests: [{ file: "src/runtime/lost-storage.test.ts", pattern: "brought back between two processes" }],
  },
  {
    name: "lost-beside",
    clause: "I4",
    takes: "other generations are fed beside a lost one",
    file: "src/runtime/lost-storage.ts",
    find: `        return error;
`,
    replace: `        throw error;
`,
    tests: [{ file: "src/runtime/lost-storage.test.ts", pattern: "the way out is a rebuild" }],
  },
];
