/** Every order and condition of `find` against the plainest reading of them in memory. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import { z } from "zod";
import { logWriter, random } from "../../test/view-domain.ts";
import { applyAll, engines, feedLive, type StoreUnderTest } from "../../test/view-stores.ts";
import { aggregate } from "../core/aggregate.ts";
import { view } from "../core/view.ts";
import type { Condition, FindQuery, StoredDocument } from "../runtime/ports.ts";

type Scalar = string | number | boolean | null;
const things = aggregate(
  "things",
  {
    id: "id",
    commands: {},
    events: {
      Put: z.object({
        text: z.string().nullable(),
        whole: z.int().nullable(),
        real: z.number(),
        flag: z.boolean().optional(),
        kind: z.enum(["a", "b"]),
      }),
      Gone: z.object({}),
    },
    initial: 0,
  },
  { decide: {}, evolve: { Put: () => 0, Gone: () => 0 } },
);
const Thing = z.object({
  id: z.string(),
  text: z.string().nullable(),
  whole: z.int().nullable(),
  real: z.number(),
  flag: z.boolean().optional(),
  kind: z.enum(["a", "b"]),
  plain: z.string(),
});
const found = view(
  "found_things",
  { document: Thing, from: [things], indexes: ["text", ["kind", "whole"], "real", "flag"] },
  {
    create: { Put: ({ stream, data }) => ({ id: stream, plain: "x", ...data }) },
    on: { Gone: () => null },
  },
);

const points = (text: string): number[] => Array.from(text, (c) => c.codePointAt(0)!);

/** Null is greater than every value; text goes by code point. */
function compare(a: Scalar, b: Scalar): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a !== "string" || typeof b !== "string") return Number(a) - Number(b);
  const [x, y] = [points(a), points(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
}

const valueOf = ({ document }: StoredDocument, field: string): Scalar => (document[field] ?? null) as Scalar;

function holds(value: Scalar, condition: Condition): boolean {
  if (condition === null || typeof condition !== "object") return value === condition;
  const { in: some, not, gt, gte, lt, lte } = condition;
  const against = (other: Scalar | undefined, test: (order: number) => boolean) =>
    other === undefined || (value !== null && test(compare(value, other)));
  return (
    (some === undefined || some.includes(value)) &&
    (not === undefined || value !== not) &&
    against(gt, (o) => o > 0) &&
    against(gte, (o) => o >= 0) &&
    against(lt, (o) => o < 0) &&
    against(lte, (o) => o <= 0)
  );
}

function inMemory(all: readonly StoredDocument[], { where, order }: Pick<FindQuery, "where" | "order">): StoredDocument[] {
  const sign = (direction: "asc" | "desc") => (direction === "asc" ? 1 : -1);
  return all
    .filter((one) => Object.entries(where).every(([field, condition]) => holds(valueOf(one, field), condition)))
    .toSorted((a, b) => {
      for (const { field, direction } of order) {
        const by = compare(valueOf(a, field), valueOf(b, field)) * sign(direction);
        if (by !== 0) return by;
      }
      return compare(valueOf(a, "id"), valueOf(b, "id")) * sign(order.at(-1)?.direction ?? "asc");
    });
}

const fields = ["text", "whole", "real", "flag", "kind"] as const;
const directions = ["asc", "desc"] as const;
const one = fields.flatMap((field) => directions.map((direction) => [{ field, direction }]));
const two = one.flatMap(([a]) => one.flatMap(([b]) => (a!.field === b!.field ? [] : [[a!, b!]])));
const orders: FindQuery["order"][] = [[], ...one, ...two];

for (const [engine, open] of Object.entries(engines)) {
  describe(`find on ${engine}`, () => {
    let under: StoreUnderTest;
    let generation = 0;
    let all: readonly StoredDocument[] = [];
    before(async () => {
      under = await open();
      const r = random(5);
      const log = logWriter("things", 1);
      const keys = ["a", "A", "ä", "z", "\u{10000}", "\uffee", "", "a b", "_", "Z", "é", "e\u0301", "0", "10", "9"];
      for (const key of keys) {
        log.add(key, "Put", {
          text: r.pick([null, ...keys]),
          whole: r.pick([null, -1, 0, 3, 9_007_199_254_740_991]),
          real: r.pick([0.5, -0.25, 1e300]),
          kind: r.pick(["a", "b"]),
          ...r.pick([{}, { flag: true }, { flag: false }]),
        });
      }
      log.add("0", "Gone", {});
      const projection = await feedLive(under.store, found, 1);
      generation = projection.generation;
      await applyAll(projection, "things", log.byPartition, 4);
      all = (await under.store.get(found, generation, keys)).filter((document) => document !== undefined);
      assert.equal(all.length, keys.length - 1);
    });
    afterAll(async () => {
      await under[Symbol.asyncDispose]();
    });

    async function pages(query: Omit<FindQuery, "after">): Promise<StoredDocument[]> {
      const items: StoredDocument[] = [];
      for (let page = await under.store.find(found, generation, query); ;) {
        assert.ok(page.items.length <= query.limit);
        items.push(...page.items);
        if (page.next === null) return items;
        assert.equal(page.items.length, query.limit);
        // as a client has it: through JSON
        page = await under.store.find(found, generation, { ...query, after: JSON.parse(JSON.stringify(page.next)) as Scalar[] });
      }
    }

    test("each order, page by page", async () => {
      for (const order of orders) {
        const expected = inMemory(all, { where: {}, order }).map(({ document }) => document["id"]);
        for (const limit of engine === "postgres" ? [1, 4, 14] : [3]) {
          const items = await pages({ where: {}, order, limit });
          assert.deepEqual(
            items.map(({ document }) => document["id"]),
            expected,
            `${JSON.stringify(order)} by ${limit}`,
          );
        }
      }
    });

    test("each condition", async () => {
      const conditions: Record<string, Condition>[] = [
        { text: "ä" },
        { text: null },
        { text: { not: null } },
        { text: { not: "a" } },
        { text: { gt: "Z" } },
        { text: { gte: "\uffee" } },
        { text: { lt: "\u{10000}" } },
        { text: { in: [] } },
        { text: { in: ["a", null, "z"] } },
        { whole: 3 },
        { whole: { gt: 0.5 } },
        { whole: 0.5 },
        { whole: { lte: 9_007_199_254_740_991 } },
        { whole: { in: [3, 0, 0.5] } },
        { whole: { gt: -1, lt: 3 } },
        { whole: { lt: 1e300 } },
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
        {},
      ];
      for (const where of conditions) {
        const order = [{ field: "whole", direction: "desc" }] as const;
        const items = await pages({ where, order, limit: 2 });
        assert.deepEqual(items, inMemory(all, { where, order }), JSON.stringify(where));
      }
    });

    test("fields without index, values of another kind and cursors of other orders are refused", async () => {
      const { store } = under;
      const bad: Partial<FindQuery>[] = [
        { where: { plain: "x" } },
        { where: { nothing: 1 } },
        { where: { constructor: 1 } },
        { where: { whole: "3" } },
        { where: { text: 3 } },
        { where: { text: { in: ["a", 3] } } },
        { where: { text: { gt: "\0" } } },
        { where: { flag: "true" } },
        { where: { real: Number.NaN } },
        { order: [{ field: "plain", direction: "asc" }] },
        { order: [...one[0]!, ...one[2]!, ...one[4]!] },
        { limit: 0 },
        { limit: 1.5 },
      ];
      for (const query of bad)
        await assert.rejects(
          store.find(found, generation, { where: {}, order: [], limit: 1, ...query }),
          { code: "INVALID_INPUT" },
          JSON.stringify(query),
        );
      for (const after of [[], ["a", "b"], [1], [null], ["\0"]])
        await assert.rejects(
          store.find(found, generation, { where: {}, order: [], limit: 1, after }),
          { code: "INVALID_CURSOR" },
          JSON.stringify(after),
        );
      await assert.rejects(store.find(found, generation, { where: {}, order: one[2]!, limit: 1, after: ["3", "a"] }), {
        code: "INVALID_CURSOR",
      });
    });

    test("a generation that is not there", async () => {
      await assert.rejects(under.store.find(found, 99, { where: {}, order: [], limit: 1 }), { code: "GENERATION_MOVED" });
      await assert.rejects(under.store.get(found, 99, ["a"]), { code: "GENERATION_MOVED" });
    });
  });
}
