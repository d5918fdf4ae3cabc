/** Every order and condition of `find` against the plainest reading of them. */
import assert from "node:assert/strict";
import { aggregate } from "../../core/aggregate.ts";
import { view } from "../../core/view.ts";
import type { Condition, FindQuery, StoredDocument } from "../../runtime/ports.ts";
import { applyAll, feedLive } from "./feed.ts";
import { inMemory, type Scalar } from "./find-plainly.ts";
import { logWriter, random } from "./logs.ts";
import { fields, flag, nothing, oneOf, orNull, real, text, whole } from "./schemas.ts";
import { type Group, group } from "./suite.ts";
import type { Suite } from "./world.ts";

interface Put {
  readonly text: string | null;
  readonly whole: number | null;
  readonly real: number;
  readonly flag?: boolean;
  readonly kind: "a" | "b";
}
const put = { text: orNull(text), whole: orNull(whole), real, flag, kind: oneOf("a", "b") };

const things = aggregate(
  "found",
  { id: "id", commands: {}, events: { Put: fields<Put>(put, ["flag"]), Gone: nothing }, initial: 0 },
  { decide: {}, evolve: { Put: () => 0, Gone: () => 0 } },
);

const found = view(
  "found_things",
  {
    document: fields<Put & { readonly id: string; readonly plain: string }>({ id: text, plain: text, ...put }, ["flag"]),
    from: [things],
    indexes: ["text", ["kind", "whole"], "real", "flag"],
  },
  { create: { Put: ({ stream, data }) => ({ id: stream, plain: "x", ...data }) }, on: { Gone: () => null } },
);

const keys = ["a", "A", "ä", "z", "\u{10000}", "\uffee", "a b", "_", "Z", "é", "e\u0301", "0", "10", "9", "$a", ".", "\u2028", "'\"\\"];

async function filled({ main }: Group): Promise<readonly StoredDocument[]> {
  const r = random(5);
  const log = logWriter("found", 1);
  for (const key of keys) {
    log.add(key, "Put", {
      text: r.pick([null, "", ...keys]),
      whole: r.pick([null, -1, 0, 3, Number.MAX_SAFE_INTEGER]),
      real: r.pick([0.5, -0.25, 1e300]),
      kind: r.pick(["a", "b"]),
      ...r.pick([{}, { flag: true }, { flag: false }]),
    });
  }
  log.add("0", "Gone", {});
  await applyAll(await feedLive(main, found, 1), "found", log.byPartition, 4);
  const all = (await main.get(found, 1, keys)).filter((document) => document !== undefined);
  assert.equal(all.length, keys.length - 1);
  return all;
}

export function findCases(suite: Suite): void {
  group(suite, "find", ["find"], {
    "each order, page by page": everyOrder,
    "each condition, page by page": everyCondition,
    "random conditions and orders": randomQueries,
    "what does not fit is refused by name": refusals,
    "a generation that is not there": noGeneration,
  });
}

async function pages({ main }: Group, query: Omit<FindQuery, "after">): Promise<StoredDocument[]> {
  const items: StoredDocument[] = [];
  for (let page = await main.find(found, 1, query); ;) {
    assert.ok(page.items.length <= query.limit);
    items.push(...page.items);
    if (page.next === null) return items;
    assert.equal(page.items.length, query.limit);
    // as a client has it: through JSON
    page = await main.find(found, 1, { ...query, after: JSON.parse(JSON.stringify(page.next)) as Scalar[] });
  }
}

const names = ["text", "whole", "real", "flag", "kind"] as const;
const one = names.flatMap((field) => (["asc", "desc"] as const).map((direction) => [{ field, direction }]));
const two = one.flatMap(([a]) => one.flatMap(([b]) => (a!.field === b!.field ? [] : [[a!, b!]])));
const orders: FindQuery["order"][] = [[], ...one, ...two];

async function everyOrder(g: Group): Promise<void> {
  const all = await filled(g);
  for (const [i, order] of orders.entries()) {
    const limit = [1, 3, 4, 17][i % 4]!;
    const items = await pages(g, { where: {}, order, limit });
    assert.deepEqual(items, inMemory(all, { where: {}, order }), `${JSON.stringify(order)} by ${limit}`);
  }
}

const conditions: readonly Readonly<Record<string, Condition>>[] = [
  {},
  { text: "ä" },
  { text: "" },
  { text: null },
  { text: { not: null } },
  { text: { not: "a" } },
  { text: { gt: "Z" } },
  { text: { gte: "\uffee" } },
  { text: { lt: "\u{10000}" } },
  { text: { in: [] } },
  { text: { in: ["a", null, "z"] } },
  { text: { in: ["$a", ".", "'\"\\"], not: "." } },
  { whole: 3 },
  { whole: { gt: 0.5 } },
  { whole: 0.5 },
  { whole: { lte: Number.MAX_SAFE_INTEGER } },
  { whole: { in: [3, 0, 0.5] } },
  { whole: { gt: -1, lt: 3 } },
  { whole: { lt: 1e300 } },
  { whole: { not: 3, gte: 0 } },
  { real: 0.5 },
  { real: { gt: 0 } },
  { real: { gte: 1e300 } },
  { flag: true },
  { flag: null },
  { flag: { not: true } },
  { flag: { in: [false] } },
  { kind: "a" },
  { kind: "unknown" },
  { kind: "a", whole: { not: null }, text: { gt: "a" } },
];

async function everyCondition(g: Group): Promise<void> {
  const all = await filled(g);
  for (const where of conditions) {
    const order = [{ field: "whole", direction: "desc" }] as const;
    assert.deepEqual(await pages(g, { where, order, limit: 2 }), inMemory(all, { where, order }), JSON.stringify(where));
  }
}

async function randomQueries(g: Group): Promise<void> {
  const all = await filled(g);
  const r = random(g.suite.seed);
  for (let i = 0; i < 60; i++) {
    const where = Object.assign({}, ...Array.from({ length: r.below(3) }, () => r.pick(conditions))) as FindQuery["where"];
    const order = r.pick(orders);
    const limit = 1 + r.below(6);
    assert.deepEqual(await pages(g, { where, order, limit }), inMemory(all, { where, order }), JSON.stringify({ where, order, limit }));
  }
}

async function refusals(g: Group): Promise<void> {
  await filled(g);
  const bad: readonly Partial<FindQuery>[] = [
    { where: { plain: "x" } },
    { where: { nothing: 1 } },
    { where: { constructor: 1 } },
    { where: { whole: "3" } },
    { where: { text: 3 } },
    { where: { text: { in: ["a", 3] } } },
    { where: { text: { gt: "\0" } } },
    { where: { text: "\ud800" } },
    { where: { flag: "true" } },
    { where: { real: Number.NaN } },
    { order: [{ field: "plain", direction: "asc" }] },
    { order: [...one[0]!, ...one[2]!, ...one[4]!] },
    { limit: 0 },
    { limit: 1.5 },
  ];
  for (const query of bad)
    await assert.rejects(
      g.main.find(found, 1, { where: {}, order: [], limit: 1, ...query }),
      { code: "INVALID_INPUT" },
      JSON.stringify(query),
    );
  for (const after of [[], ["a", "b"], [1], [null], ["\0"]])
    await assert.rejects(
      g.main.find(found, 1, { where: {}, order: [], limit: 1, after }),
      { code: "INVALID_CURSOR" },
      JSON.stringify(after),
    );
  // one of another order, by a field of another kind
  const foreign = { where: {}, order: one[2]!, limit: 1, after: ["3", "a"] };
  await assert.rejects(g.main.find(found, 1, foreign), { code: "INVALID_CURSOR" });
}

async function noGeneration({ main }: Group): Promise<void> {
  await assert.rejects(main.find(found, 99, { where: {}, order: [], limit: 1 }), { code: "GENERATION_MOVED" });
}
