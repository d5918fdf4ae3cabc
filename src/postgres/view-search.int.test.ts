/** Search on both engines answers what the reference in memory answers, whatever happened, however it was applied. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import { z } from "zod";
import { randomSearch, randomTasks, searchedTags, searchedTasks, searchedTitles } from "../../test/search-domain.ts";
import { logWriter, type Random, random } from "../../test/view-domain.ts";
import { after, applyAll, applyNext, engines, feedLive, kept, type StoreUnderTest } from "../../test/view-stores.ts";
import { aggregate } from "../core/aggregate.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { reference } from "../core/reference.ts";
import { view } from "../core/view.ts";
import { readDatabase } from "../memory/read-database.ts";
import { memoryViewStore } from "../memory/view-store.ts";
import type { ViewProjection, ViewStore } from "../runtime/ports.ts";
import type { SearchPage, SearchQuery } from "../runtime/search-query.ts";
import { searchStatement } from "./view-search.ts";
import { shapeOf } from "./view-shape.ts";

type ByLog = Readonly<Record<string, readonly (readonly LogEvent[])[]>>;

/** A member that is undefined is none. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

/** All pages of one query. */
async function pages(store: ViewStore, of: AnyView, generation: number, query: SearchQuery): Promise<SearchPage[]> {
  const found: SearchPage[] = [];
  for (let next: SearchPage["next"] | undefined; next !== null;) {
    const page: SearchPage = await store.search!(of, generation, { ...query, ...(next === undefined ? {} : { after: next }) });
    found.push(page);
    next = page.next;
  }
  return found;
}

for (const [engine, open] of Object.entries(engines)) {
  describe(`search on ${engine}`, () => {
    let under: StoreUnderTest;
    before(async () => {
      under = await open();
    });
    afterAll(() => under[Symbol.asyncDispose]());

    const generationOf = async (store: ViewStore, of: AnyView) => (await store.current(of))!.generation;

    async function same(memory: ViewStore, of: AnyView, r: Random, queries: number, seed: number): Promise<number> {
      let hits = 0;
      for (let i = 0; i < queries; i++) {
        const query = randomSearch(r, of);
        const expected = await pages(memory, of, await generationOf(memory, of), query);
        const found = await pages(under.store, of, await generationOf(under.store, of), query);
        assert.deepEqual(asJson(found), asJson(expected), `seed ${seed}: ${JSON.stringify(query)}`);
        hits += expected[0]!.total;
      }
      return hits;
    }

    /** Loads what a load takes, applies the rest, and goes live. */
    async function rebuild(of: AnyView, logs: ByLog): Promise<void> {
      const { generation } = await under.store.create(of);
      const projection: ViewProjection = under.store.projection(of, generation);
      await projection.checkpoints(new Map(of.logs.map((log) => [log, 2])));
      for (const log of of.logs) {
        for (const [partition, events] of logs[log]!.entries()) {
          const from = await projection.checkpoint(log, partition);
          const load = projection.load?.(from, kept(5));
          if (load === null || load === undefined) continue;
          for (let first = 0; first < events.length; first += 7) {
            const part = events.slice(first, first + 7);
            await load.add(part, after(from, part));
            if (first % 3 === 0) assert.equal(await load.flush(), "applied");
          }
          assert.equal(await load.flush(), "applied");
        }
        await applyAll(projection, log, logs[log]!, 5);
      }
      await projection.loaded?.();
      await under.store.switch(of, generation);
    }

    for (const searched of [searchedTasks, searchedTitles, searchedTags]) {
      test(`random histories of ${searched.name}, with renames, removals and pages, also after a rebuild`, async () => {
        const seed = Math.floor(Math.random() * 2 ** 31);
        const r = random(seed);
        const of: AnyView = searched;
        const logs: ByLog = randomTasks(r, { partitions: 2, events: 160 });
        const memory = memoryViewStore(readDatabase());
        const [own, reference] = [await feedLive(under.store, of, 2), await feedLive(memory, of, 2)];
        const left = of.logs.flatMap((log) => [0, 1].map((partition) => ({ log, partition })));
        let hits = 0;
        while (left.length > 0) {
          const next = r.pick(left);
          const events = logs[next.log]![next.partition]!;
          const limit = 1 + r.below(40);
          const outcomes = await Promise.all(
            [own, reference].map(async (each) => applyNext(each, await each.checkpoint(next.log, next.partition), events, limit)),
          );
          assert.equal(outcomes[0], outcomes[1], `seed ${seed}`);
          if (outcomes[0] === "end") left.splice(left.indexOf(next), 1);
          hits += await same(memory, of, r, 1, seed);
        }
        hits += await same(memory, of, r, 25, seed);
        assert.ok(hits > 0, `seed ${seed}: nothing was ever found`);
        await rebuild(of, logs);
        await same(memory, of, r, 15, seed);
      });
    }

    const people = aggregate(
      "authors",
      { id: "id", commands: {}, events: { Named: z.object({ name: z.string() }) }, initial: 0 },
      { decide: {}, evolve: { Named: () => 0 } },
    );
    const books = aggregate(
      "books",
      { id: "id", commands: {}, events: { Written: z.object({ by: z.string(), text: z.string() }) }, initial: 0 },
      { decide: {}, evolve: { Written: () => 0 } },
    );
    const cards = view(
      "author_cards",
      { document: z.object({ name: z.string() }), from: [people] },
      { create: { Named: ({ data }) => data }, on: { Named: (_, { data }) => data } },
    );
    const bookView = <const N extends string>(name: N) =>
      view(
        name,
        {
          document: z.object({ by: z.string(), text: z.string(), author: z.string().nullable() }),
          from: [books],
          indexes: ["by"],
          references: { by: reference(cards, (card) => ({ author: card?.name ?? null })) },
          search: { text: ["text", "author"], facets: ["by"] },
        },
        { create: { Written: ({ data }) => data }, on: { Written: (_, { data }) => data } },
      );
    const searching = { where: {}, order: [], limit: 10 } as const;

    test("a renamed author's books are found by the new name and by no old one", async () => {
      const written = bookView("renamed_books");
      const [bookLog, authorLog] = [logWriter("books", 1), logWriter("authors", 1)];
      bookLog.add("b-1", "Written", { by: "a-1", text: "Coffee & other drinks" });
      bookLog.add("b-2", "Written", { by: "a-2", text: "Coffee" });
      authorLog.add("a-1", "Named", { name: "Anna Österberg" });
      authorLog.add("a-1", "Named", { name: "Anne Smith" });
      const projection = await feedLive(under.store, written, 1);
      await applyAll(projection, "books", bookLog.byPartition, 10);
      const total = async (text: string) => (await under.store.search!(written, projection.generation, { text, ...searching })).total;
      assert.deepEqual([await total("coff"), await total("coff ann")], [2, 0]);
      await applyAll(projection, "authors", [authorLog.byPartition[0]!.slice(0, 1)], 10);
      assert.deepEqual([await total("ann coff"), await total("ostER")], [1, 1]);
      await applyAll(projection, "authors", authorLog.byPartition, 10);
      assert.deepEqual([await total("Anne drinks"), await total("anna"), await total("öster"), await total("smith coffee")], [1, 0, 0, 1]);
    });

    test("a document with more words than PostgreSQL can index stops nothing: it is found by the first ones", async () => {
      const written = bookView("large_books");
      const [bookLog, authorLog] = [logWriter("books", 1), logWriter("authors", 1)];
      // 192 bytes each: the longest that there are
      const many = Array.from({ length: 6_000 }, (_, i) => `${String(i).padStart(4, "0")}${"東".repeat(100)}`).join(" ");
      bookLog.add("b-1", "Written", { by: "a-1", text: "lorem ipsum ".repeat(100_000) });
      bookLog.add("b-2", "Written", { by: "a-1", text: `other ${many}` });
      authorLog.add("a-1", "Named", { name: many.replaceAll("東", "京") });
      const projection = await feedLive(under.store, written, 1);
      await applyAll(projection, "books", bookLog.byPartition, 1);
      await applyAll(projection, "authors", authorLog.byPartition, 1);
      const total = async (text: string) => (await under.store.search!(written, projection.generation, { text, ...searching })).total;
      assert.deepEqual(
        [await total("lor ips"), await total("other 0001東 0001京"), await total("2000東"), await total("2000京"), await total("5999")],
        [1, 1, 1, 2, 0],
      );
    });

    test("words are found by an index", async () => {
      const written = bookView("indexed_books");
      const { generation } = await feedLive(under.store, written, 1);
      const statement = searchStatement(shapeOf(written), `indexed_books_g${generation}`, { text: "cof ann", ...searching });
      const plan = await under.database.exclusive(async (connection) => {
        await connection.query({ text: "begin" });
        await connection.query({ text: "set local enable_seqscan = off" });
        await connection.query({ text: "set local enable_indexscan = off" });
        const { rows } = await connection.query({ ...statement, text: `explain ${statement.text}` });
        await connection.query({ text: "rollback" });
        return rows.map((row) => String(Object.values(row)[0])).join("\n");
      });
      assert.match(plan, /Bitmap Index Scan on indexed_books_g\d+_by__words/);
    });

    test("what cannot be asked is refused by name", async () => {
      const written = bookView("asked_books");
      const { generation } = await feedLive(under.store, written, 1);
      const ask = (more: Partial<SearchQuery>) => under.store.search!(written, generation, { text: "", ...searching, ...more });
      await assert.rejects(ask({ where: { text: "x" } }), { code: "INVALID_INPUT" });
      await assert.rejects(ask({ order: [{ field: "author", direction: "asc" }] }), { code: "INVALID_INPUT" });
      await assert.rejects(ask({ limit: 0 }), { code: "INVALID_INPUT" });
      await assert.rejects(ask({ after: ["x", "y"] }), { code: "INVALID_CURSOR" });
      await assert.rejects(under.store.search!(cards, generation, { text: "", ...searching }), { code: "INVALID_DEFINITION" });
      await assert.rejects(under.store.search!(written, 99, { text: "", ...searching }), { code: "GENERATION_MOVED" });
    });
  });
}
