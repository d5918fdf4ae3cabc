/** I9 in search: what is found is a function of the documents, copied fields included. */
import type { Mutant } from "../mutant.ts";

const stored = (pattern: string) => [{ file: "src/postgres/view-search.int.test.ts", pattern: `postgres ${pattern}` }];

export const search: readonly Mutant[] = [
  {
    name: "search-copied-words",
    clause: "I9",
    takes: "the words of copied fields follow them",
    file: "src/postgres/view-shape.ts",
    find: "written: words === undefined ? copies : [...copies, words] };",
    replace: "written: copies };",
    tests: stored("a renamed author"),
  },
  {
    name: "search-hidden-rows",
    clause: "I9",
    takes: "rows that hold no document are not counted",
    file: "src/postgres/view-search.ts",
    find: `"_held",\n    ...(words`,
    replace: `"true",\n    ...(words`,
    tests: stored("random histories of searched_tags"),
  },
];
