/** I4 where a worker of a store without transactions knows rows without reading them: bulk loads, and what it remembers of its last batch. */
import type { Mutant } from "../mutant.ts";

const load = "src/runtime/document-load.ts";
const write = "src/runtime/document-load-write.ts";
const store = "src/runtime/document-view-store.ts";
const loading = (pattern: string) => [{ file: "src/runtime/document-load.test.ts", pattern }];
const meeting = loading("random cuts, flushes, rivals, zombies and faults");
const remembering = (pattern: string) => [{ file: "src/runtime/document-cache.test.ts", pattern }];

export const documentLoads: readonly Mutant[] = [
  {
    name: "document-load-seen",
    clause: "I4",
    takes: "events that a stored row has seen are not folded again by a load",
    file: load,
    find: "events.filter(({ position }) => position > known.seen)",
    replace: "events.filter(({ position }) => position > 0)",
    tests: meeting,
  },
  {
    name: "document-load-edition",
    clause: "I4",
    takes: "what was folded while its row was written goes over the edition that was written",
    file: load,
    find: "if (newer !== undefined && newer.seen > held.seen) newer.edition = held.edition;",
    replace: "if (newer !== undefined && newer.seen > held.seen) clean.set(key, newer);",
    tests: loading("come while a document is written"),
  },
  {
    name: "document-load-spent",
    clause: "I4",
    takes: "a load whose flush failed is spent",
    file: load,
    find: "} catch (error) {\n        drop();\n        throw error;\n      }\n      live();",
    replace: "} catch (error) {\n        throw error;\n      }\n      live();",
    tests: loading("a load that ends before writeRows"),
  },
  {
    name: "document-load-lost",
    clause: "I4",
    takes: "a row that a load lost is read, and written where it holds less",
    file: write,
    find: "open = lost.length === 0 ? [] : await behind(",
    replace: "open = lost.length >= 0 ? [] : await behind(",
    tests: loading("a load that ends after writeRows"),
  },
  {
    name: "document-load-ahead",
    clause: "I4",
    takes: "a load writes nothing over a row that has seen more",
    file: write,
    find: "if (row === undefined || seen < each.seen) return [each];",
    replace: "return [each];",
    tests: loading("what an old load writes late"),
  },
  {
    name: "document-load-newer-row",
    clause: "I4",
    takes: "what is folded later begins with what a newer row has seen",
    file: write,
    find: "each.seen = seen;\n    each.folded = foldedOf(row);",
    replace: "",
    tests: loading("random cuts, flushes, rivals"),
  },
  {
    name: "document-load-before",
    clause: "I4",
    takes: "what was known is kept while the rest is read",
    file: load,
    find: "knownOf(key) ?? before ?? {",
    replace: "knownOf(key) ?? {",
    tests: loading("random cuts, flushes, rivals"),
  },
  {
    name: "document-load-tombstone",
    clause: "I4",
    takes: "the tombstone of a document that was born and deleted in one load",
    file: write,
    find: "folded.document !== null || edition > 0 || born);",
    replace: "folded.document !== null || edition > 0);",
    tests: loading("what an old load writes late"),
  },
  {
    name: "document-load-storage",
    clause: "I4",
    takes: "the look at the storage before rows are written that were not read",
    file: write,
    find: "if (held.some(({ edition }) => edition > 0)) await target.check();",
    replace: "",
    tests: loading("storage that was lost while a load knows its documents"),
  },
  {
    name: "document-load-visible",
    clause: "I5",
    takes: "what a load wrote is visible before its checkpoint moves",
    file: write,
    find: "await target.generation.visible();",
    replace: "",
    tests: loading("after everything is written and visible"),
  },
  {
    name: "document-load-copies",
    clause: "I4",
    takes: "the second look at referenced rows, after a load has written its documents",
    file: write,
    find: "if (refers) await refresh(target, stored, last);",
    replace: "",
    tests: meeting,
  },
  {
    name: "document-load-key",
    clause: "I4",
    takes: "documents that several partitions write are not loaded in bulk",
    file: store,
    find: "(isByStream && isOwn(from.log) ?",
    replace: "(isOwn(from.log) ?",
    tests: loading("only documents by stream"),
  },
  {
    name: "document-cache-key",
    clause: "I4",
    takes: "documents that several partitions write are not remembered",
    file: store,
    find: "const cache = isByStream && ",
    replace: "const cache = ",
    tests: remembering("documents that several partitions may write"),
  },
];
