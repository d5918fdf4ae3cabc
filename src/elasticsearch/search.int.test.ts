/** `find` and `search` on a real engine, held against the same questions answered in memory. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { searchEngines, type SearchUnderTest } from "../../test/search-engines.ts";
import { orders, type Random, random } from "../../test/view-domain.ts";
import { type Condition, scalarOf } from "../core/condition.ts";
import type { AnyView, Document } from "../core/definition.ts";
import { view } from "../core/view.ts";
import { wordsOf } from "../core/words.ts";
import type { DocumentGeneration } from "../runtime/document-store.ts";
import { find } from "../runtime/find-in-memory.ts";
import type { FindQuery, StoredDocument } from "../runtime/ports.ts";
import { search } from "../runtime/search-in-memory.ts";
import type { SearchQuery } from "../runtime/search-query.ts";

const wares: AnyView = view(
  "wares",
  {
    document: z.object({
      title: z.string().nullable(),
      customer: z.string(),
      tags: z.array(z.string()),
      kind: z.enum(["A", "B", "Ä", "𠮷", "\uffee"]).nullable(),
      price: z.number().optional(),
      sold: z.boolean().nullable(),
      note: z.string(),
    }),
    from: [orders],
    indexes: ["kind", "price", ["sold", "price"], "note", "customer"],
  },
  { create: { Created: () => null }, on: {} },
);
const searchable: AnyView = { ...wares, search: { text: ["title", "customer", "tags"], facets: ["kind", "sold", "customer", "price"] } };

const pick = <T>(r: Random, all: readonly T[]): T => all[r.below(all.length)]!;
const names = ["Anna Łukasz", "José García", "ÉMILE Œuvre", "Bjørn O'Brien", "Σωκράτης", "<b>Bold</b> & Co", "anna-maria"];
const titles = [null, "Coffee, ground", "Kaffee", "Café crème", "coffee-machine 3000", "ＴＥＡ green", "<script>tea</script>"];
const kinds = ["A", "B", "Ä", "𠮷", "\uffee", null];

function ware(r: Random): Document {
  return {
    title: pick(r, titles),
    customer: pick(r, names),
    tags: r.below(2) === 0 ? [] : [pick(r, ["red", "Räd", "blue"]), pick(r, ["new", "coffee"])],
    kind: pick(r, kinds),
    ...(r.below(4) === 0 ? {} : { price: pick(r, [-1.5, 0, 1, 2, 10, 9_007_199_254_740_992, 1e300]) }),
    sold: pick(r, [true, false, null]),
    note: pick(r, ["", "a", "B", "b", "é", "z\u0001"]),
  };
}

async function filled(
  { documents }: SearchUnderTest,
  of: AnyView,
  r: Random,
): Promise<{ readonly generation: DocumentGeneration; readonly held: ReadonlyMap<string, StoredDocument> }> {
  documents.accept(of);
  const generation = documents.generation(of, 1);
  await generation.prepare();
  const rows = Array.from({ length: 150 }, (_, i) => ({
    key: `${pick(r, ["k", "K", "é", "𠮷", "\uffee"])}${i}`,
    document: r.below(10) === 0 ? null : ware(r),
    version: 1,
    lastUpdated: "2026-01-01T00:00:00.000Z",
    seen: { "orders/0": i + 1 },
    copied: {},
    edition: 1,
  }));
  assert.ok((await generation.own.write(rows)).every((outcome) => outcome === "written"));
  await generation.visible();
  const held = new Map<string, StoredDocument>();
  for (const { key, document, version, lastUpdated } of rows) if (document !== null) held.set(key, { document, version, lastUpdated });
  return { generation, held };
}

function condition(r: Random, field: string): Condition {
  const value = () => ware(r)[field] as string | number | boolean | null;
  const limit = () => pick<string | number>(r, field === "price" ? [0, 1.5, 10] : ["A", "a", "b", "é", "𠮷"]);
  const forms: readonly (() => Condition)[] = [
    () => scalarOf(value()),
    () => null,
    () => ({ in: [scalarOf(value()), scalarOf(value())] }),
    () => ({ in: [] }),
    () => ({ not: scalarOf(value()) }),
    ...(field === "sold"
      ? []
      : [() => ({ gt: limit() }), () => ({ gte: limit(), not: null }), () => ({ lt: limit() }), () => ({ lte: limit() })]),
  ];
  return pick(r, forms)();
}

function question(r: Random): FindQuery {
  const fields = ["kind", "price", "sold", "note"];
  const where = Object.fromEntries(fields.filter(() => r.below(4) === 0).map((field) => [field, condition(r, field)]));
  const shuffled = fields.toSorted(() => r.below(3) - 1);
  const order = shuffled.slice(0, r.below(3)).map((field) => ({ field, direction: pick(r, ["asc", "desc"] as const) }));
  return { where, order, limit: 1 + r.below(60) };
}

for (const [name, engine] of Object.entries(searchEngines)) {
  const questions = name === "OpenSearch" ? 60 : 20;

  test(`${name}: every page of every question to find is what memory answers`, async () => {
    await using world = await engine();
    const r = random(5);
    const { generation, held } = await filled(world, wares, r);
    for (let i = 0; i < questions; i++) {
      let query = question(r);
      for (;;) {
        const page = await generation.find(query);
        assert.deepEqual(page, find(wares, held, query), JSON.stringify(query));
        if (page.next === null) break;
        query = { ...query, after: page.next };
      }
    }
    await assert.rejects(generation.find({ where: { title: "x" }, order: [], limit: 1 }), { code: "INVALID_INPUT" });
    const elsewhere = { where: {}, order: [{ field: "price", direction: "asc" as const }], limit: 1, after: ["text", "k1"] };
    await assert.rejects(generation.find(elsewhere), { code: "INVALID_CURSOR" });
    assert.equal(generation.search, undefined);
  });

  test(`${name}: search finds words over all its fields, counts all hits and their facets, and pages through them`, async () => {
    await using world = await engine();
    const r = random(6);
    const { generation, held } = await filled(world, searchable, r);
    const texts = [
      "",
      "anna COFFEE",
      "coffee anna",
      "jose garc",
      "oeuvre emile",
      "brien cafe",
      "tea",
      "rad blue",
      "3000 mach",
      "σωκρατης",
      "xyz",
      "lukasz red",
    ];
    for (const text of [...texts, ...texts]) {
      const { where, order, limit } = question(r);
      const query: SearchQuery = { text, where: r.below(2) === 0 ? {} : where, order, limit, highlight: true };
      await compare(generation, held, query);
    }
  });
}

async function compare(generation: DocumentGeneration, held: ReadonlyMap<string, StoredDocument>, query: SearchQuery): Promise<void> {
  let asked = query;
  for (;;) {
    const page = await generation.search!(asked);
    assert.deepEqual(page, search(searchable, held, asked), JSON.stringify(asked));
    const wanted = wordsOf(asked.text);
    for (const [i, one] of page.highlights!.entries()) {
      const marked = Object.values(one).flat().join(" ");
      const words = [...marked.matchAll(/<em>(.*?)<\/em>/g)].flatMap(([, found]) => wordsOf(found!));
      assert.ok(
        wanted.every((each) => words.some((found) => found.startsWith(each))),
        JSON.stringify([asked.text, page.items[i], one]),
      );
      assert.ok(!marked.includes("<b>") && !marked.includes("<script>"));
    }
    if (page.next === null) return;
    asked = { ...asked, after: page.next };
  }
}
