/** I4 and I9 in rollups: what is added is taken back, in one order, and groups are those of the documents there are. */
import type { Mutant } from "../mutant.ts";

const increments = "src/postgres/rollup-increments.ts";
const stored = (pattern: string) => [{ file: "src/postgres/rollup.int.test.ts", pattern: `postgres ${pattern}` }];
const meeting = (pattern: string) => [{ file: "src/postgres/rollup-interleavings.int.test.ts", pattern }];

export const rollups: readonly Mutant[] = [
  {
    name: "rollup-retraction",
    clause: "I9",
    takes: "a changed document's old contribution is taken back",
    file: increments,
    find: "for (const row of before) if (row.part !== null) add(groups, measures, row.part, row.version, -1);",
    replace: "",
    tests: stored("random batches"),
  },
  {
    name: "rollup-retraction-as-added",
    clause: "I9",
    takes: "what is taken back is what was added, whatever the rules say by now",
    file: "src/postgres/rollup-apply.ts",
    find: "const before = keys.map((key) => known.get(key) ?? noMeasured(key));",
    replace:
      "const before = keys.map((key) => known.get(key) ?? noMeasured(key)).map((row) => ({ ...row, part: row.document === null ? null : contributionOf(own.rules, row.document) }));",
    tests: stored("another declared version"),
  },
  {
    name: "rollup-increments-order",
    clause: "I4",
    takes: "groups are locked in the order of their keys",
    file: increments,
    find: `order by u.c0 collate "C" on conflict`,
    replace: "on conflict",
    tests: meeting("opposite orders"),
  },
  {
    name: "rollup-empty-group",
    clause: "I9",
    takes: "a group without documents is not found",
    file: "src/postgres/rollup-apply.ts",
    find: "...(losing.length > 0 ? [groups.deleteEmpty(losing)] : []),",
    replace: "...(losing.length < 0 ? [groups.deleteEmpty(losing)] : []),",
    tests: stored("a group without documents"),
  },
  {
    name: "rollup-empty-values",
    clause: "I9",
    takes: "values that no document has are left out of counts by value",
    file: increments,
    find: "where x.n <> 0)",
    replace: ")",
    tests: stored("random batches"),
  },
  {
    name: "rollup-checkpoint",
    clause: "I4",
    takes: "groups change only with the checkpoint",
    file: "src/postgres/rollup-apply.ts",
    find: "if (!shared) await connection.pipeline(beginAndMove(move));",
    replace: `if (!shared) await connection.query({ text: "begin" });`,
    tests: stored("random batches"),
  },
  {
    name: "rollup-rows-lock",
    clause: "I4",
    takes: "a row that several partitions write is locked before it is folded",
    file: "src/postgres/rollup-rows.ts",
    find: "order by _key for update",
    replace: "order by _key",
    tests: meeting("write one document"),
  },
  {
    name: "rollup-average-rounded-twice",
    clause: "I9",
    takes: "an average is rounded once, from the exact sum",
    file: "src/postgres/rollup-tables.ts",
    find: "sign(g.${column}) * div(2 * abs(g.${column}) * ${up} + g.${counts}, 2 * g.${counts}::numeric) * ${down}",
    replace: "round(round(g.${column} / g.${counts}, ${digits + 1}), ${digits}) * div(${up}, ${up}) + 0 * ${down}",
    tests: stored("sums are exact"),
  },
];
