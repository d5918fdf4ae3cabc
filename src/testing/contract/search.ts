/** `search` against a plain reading of it: words by their beginnings, whatever their case and accents, over several fields; filters, facets, pages. */
import assert from "node:assert/strict";
import type { Condition, FindQuery, SearchPage, SearchQuery, StoredDocument } from "../../runtime/ports.ts";
import { searched, tags, texts, titles } from "./books.ts";
import { applyAll, applyNext, feedLive } from "./feed.ts";
import { holds, type Scalar, valueOf } from "./find-plainly.ts";
import { logWriter, random } from "./logs.ts";
import { plainly, wordsOf } from "./search-plainly.ts";
import { type Group, group, has } from "./suite.ts";
import type { Suite } from "./world.ts";

async function filled({ main }: Group): Promise<readonly StoredDocument[]> {
  const r = random(3);
  const log = logWriter("books", 1);
  const keys = Array.from({ length: 90 }, (_, i) => `book-${i}`);
  for (const round of [0, 1])
    for (const [i, key] of keys.entries()) {
      if (round === 1 && i % 3 > 0) continue;
      log.add(key, "Put", {
        title: i % 11 === 0 ? null : r.pick(titles),
        tags: Array.from({ length: r.below(3) }, () => r.pick(tags)),
        ...(i % 2 === 0 ? {} : { notes: r.pick(titles) }),
        author: r.pick([null, "Ann", "ann", "Éva", "Zoë", `Author ${r.below(30)}`]),
        pages: r.below(30),
        lent: r.below(2) === 0,
        shelf: r.pick(["upper", "lower"]),
      });
    }
  for (const key of keys.slice(0, 5)) log.add(key, "Gone", {});
  await applyAll(await feedLive(main, searched, 1), "books", log.byPartition, 60);
  return (await main.get(searched, 1, keys)).filter((one) => one !== undefined);
}

export function searchCases(suite: Suite): void {
  group(suite, "search", ["search", "find"], {
    "every text: hits, total and facets, page by page": everyText,
    "with filters and orders": filtered,
    "what was written is found as soon as it is applied": atOnce,
    "what does not fit is refused by name": refusals,
    "found words are shown": highlights,
  });
  // a store that has no search says so when it is asked, too
  if (!has(suite, "search"))
    group(suite, "without search", [], {
      "a search is refused by name": async ({ main }) => {
        const query = { text: "", where: {}, order: [], limit: 1 };
        if (main.search !== undefined) await assert.rejects(main.search(searched, 1, query), { code: "INVALID_DEFINITION" });
        else assert.equal(main.search, undefined);
      },
    });
}

async function pages({ main }: Group, query: SearchQuery): Promise<Omit<SearchPage, "next">> {
  const items: StoredDocument[] = [];
  let first: SearchPage | undefined;
  for (let page = await main.search!(searched, 1, query); ;) {
    first ??= page;
    items.push(...page.items);
    assert.deepEqual([page.total, page.facets], [first.total, first.facets], "of all hits, whatever the page");
    if (page.next === null) return { items, total: page.total, facets: page.facets };
    assert.equal(page.items.length, query.limit);
    page = await main.search!(searched, 1, { ...query, after: JSON.parse(JSON.stringify(page.next)) as Scalar[] });
  }
}

async function everyText(g: Group): Promise<void> {
  const all = await filled(g);
  for (const wanted of texts) {
    const query = { text: wanted, where: {}, order: [], limit: 40 };
    assert.deepEqual(await pages(g, query), plainly(all, query), JSON.stringify(wanted));
  }
}

const wheres: readonly Readonly<Record<string, Condition>>[] = [
  { author: "Ann" },
  { author: null },
  { author: { in: ["Ann", "ann", null] } },
  { pages: { gte: 10, lt: 20 } },
  { lent: true, shelf: "upper" },
  { shelf: { not: "upper" }, author: { not: null } },
];
const orders: readonly FindQuery["order"][] = [
  [],
  [{ field: "author", direction: "asc" }],
  [{ field: "author", direction: "desc" }],
  [
    { field: "shelf", direction: "asc" },
    { field: "pages", direction: "desc" },
  ],
];

async function filtered(g: Group): Promise<void> {
  const all = await filled(g);
  const r = random(g.suite.seed);
  for (const where of wheres) {
    for (const order of orders) {
      const query = { text: r.pick(["", "a", "the", "peace", "el", "21"]), where, order, limit: 1 + r.below(30) };
      assert.deepEqual(await pages(g, query), plainly(all, query), JSON.stringify(query));
      assert.ok(all.some((one) => Object.entries(where).every(([field, condition]) => holds(valueOf(one, field), condition))));
    }
  }
}

async function atOnce(g: Group): Promise<void> {
  await filled(g);
  const { main } = g;
  const projection = main.projection(searched, 1);
  const words = ["zymurgy", "zephyr", "zugzwang"];
  const count = async (word: string) => (await main.search!(searched, 1, { text: word, where: {}, order: [], limit: 5 })).total;
  const start = await projection.checkpoint("books", 0);
  const log = logWriter("books", 1);
  for (let i = 0; i < start.position; i++) log.add("book-1", "Put", {});
  const before = { title: null, tags: [], author: null, pages: 1, lent: false, shelf: "upper" };
  for (const word of words) log.add("new", "Put", { ...before, title: word });
  for (const [i, word] of words.entries()) {
    await applyNext(projection, await projection.checkpoint("books", 0), log.byPartition[0]!, 1);
    assert.equal(await count(word), 1);
    if (i > 0) assert.equal(await count(words[i - 1]!), 0);
  }
}

async function refusals(g: Group): Promise<void> {
  await filled(g);
  const bad: readonly Partial<SearchQuery>[] = [
    { where: { title: "x" } },
    { where: { pages: "3" } },
    { order: [{ field: "title", direction: "asc" }] },
    { limit: 0 },
  ];
  for (const query of bad)
    await assert.rejects(
      g.main.search!(searched, 1, { text: "", where: {}, order: [], limit: 1, ...query }),
      { code: "INVALID_INPUT" },
      JSON.stringify(query),
    );
  const query = { text: "", where: {}, order: [], limit: 1 };
  await assert.rejects(g.main.search!(searched, 1, { ...query, after: [1] }), { code: "INVALID_CURSOR" });
  await assert.rejects(g.main.search!(searched, 99, query), { code: "GENERATION_MOVED" });
}

async function highlights(g: Group): Promise<void> {
  await filled(g);
  const page = await g.main.search!(searched, 1, { text: "elan vit", where: {}, order: [], limit: 10, highlight: true });
  assert.ok(page.items.length > 0);
  assert.equal(page.highlights?.length, page.items.length);
  for (const [i, shown] of page.highlights.entries()) {
    const marked = Object.values(shown).flat().join(" ");
    for (const word of ["elan", "vit"]) {
      const found = [...marked.matchAll(/<em>(.*?)<\/em>/gu)].flatMap(([, inside = ""]) => wordsOf(inside));
      assert.ok(
        found.some((one) => one.startsWith(word)),
        `${JSON.stringify(page.items[i]?.document)}: ${marked}`,
      );
    }
  }
}
