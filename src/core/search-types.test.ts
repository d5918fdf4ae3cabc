/** What a view's `search` says to the compiler, and what is refused of it at run time. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { aggregate } from "./aggregate.ts";
import type { AnyView } from "./definition.ts";
import type { Facade } from "./facade-types.ts";
import type { FacetsOf } from "./view-types.ts";
import { view } from "./view.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Claim extends true>(): void => {};

const books = aggregate(
  "books",
  { id: "id", commands: {}, events: { Put: z.object({ title: z.string() }) }, initial: 0 },
  { decide: {}, evolve: { Put: () => 0 } },
);
const document = z.object({
  title: z.string().nullable(),
  tags: z.array(z.string()),
  shelf: z.enum(["upper", "lower"]),
  pages: z.int().optional(),
  size: z.object({ cm: z.int() }),
});
const contract = { document, from: [books], indexes: ["shelf", ["pages", "title"]] } as const;
const behaviour = { create: { Put: () => ({ title: null, tags: [], shelf: "upper" as const, size: { cm: 1 } }) }, on: {} } as const;

const plain = view("plain_books", contract, behaviour);
const uncounted = view("uncounted_books", { ...contract, search: { text: ["title"] } }, behaviour);
const searched = view("searched_books", { ...contract, search: { text: ["title", "tags"], facets: ["shelf", "pages"] } }, behaviour);

export async function inferred(app: Facade<unknown>): Promise<void> {
  holds<Same<FacetsOf<typeof searched>, "shelf" | "pages">>();
  holds<Same<FacetsOf<typeof uncounted>, never>>();
  holds<Same<FacetsOf<typeof plain>, never>>();
  const page = await app
    .read(searched)
    .search({ text: "x", where: { shelf: { not: "upper" } }, order: { pages: "desc" }, highlight: true });
  holds<Same<typeof page.total, number>>();
  holds<Same<(typeof page.facets.shelf)[number]["value"], "upper" | "lower">>();
  holds<Same<(typeof page.facets.pages)[number]["value"], number>>();
  holds<Same<(typeof page.items)[number]["document"], z.output<typeof document>>>();
  await app.read(searched).find();
  await app.read(uncounted).search({ text: "" });
}

export async function refused(app: Facade<unknown>): Promise<void> {
  // @ts-expect-error a view that declares no search
  await app.read(plain).search({ text: "x" });
  // @ts-expect-error no text
  await app.read(searched).search({});
  // @ts-expect-error not an indexed field
  await app.read(searched).search({ text: "x", where: { tags: "x" } });
  const page = await app.read(uncounted).search({ text: "x" });
  // @ts-expect-error a facet that is not counted
  void page.facets.shelf;
  // @ts-expect-error a field that holds no text
  view("v", { ...contract, search: { text: ["pages"] } }, behaviour);
  // @ts-expect-error a field that is none
  view("v", { ...contract, search: { text: ["colour"] } }, behaviour);
  // @ts-expect-error a facet that stands in no index
  view("v", { ...contract, search: { text: ["title"], facets: ["tags"] } }, behaviour);
}

const loose = view as unknown as (name: string, contract: object, behaviour: object) => AnyView;
const searching = (search: object) => loose("v", { ...contract, search }, behaviour);

test("a view's search is part of its definition, and of its hash only where it is declared", () => {
  assert.deepEqual(searched.search, { text: ["title", "tags"], facets: ["shelf", "pages"] });
  assert.deepEqual(uncounted.search, { text: ["title"], facets: [] });
  assert.equal("search" in plain, false);
  const hashes = [
    {},
    { search: { text: ["title"] } },
    { search: { text: ["tags"] } },
    { search: { text: ["title"], facets: ["shelf"] } },
  ].map((more) => loose("v", { ...contract, ...more }, behaviour).hash);
  assert.equal(new Set(hashes).size, hashes.length);
  assert.equal(searching({ text: ["title"], facets: [] }).hash, searching({ text: ["title"] }).hash);
});

for (const [name, search, text] of [
  ["in no field", { text: [] }, /searched in no field/],
  ["in a field that is none", { text: ["colour"] }, /'colour', which is no field/],
  ["in a number", { text: ["pages"] }, /'pages', which must be a text/],
  ["in an object", { text: ["size"] }, /'size', which must be a text/],
  ["in a field twice", { text: ["title", "title"] }, /'search.text' names 'title' twice/],
  ["counting by a field without index", { text: ["title"], facets: ["tags"] }, /'tags' must stand in an index/],
  ["counting by a field twice", { text: ["title"], facets: ["shelf", "shelf"] }, /'search.facets' names 'shelf' twice/],
] as const)
  test(`refused: a search ${name}`, () => assert.throws(() => searching(search), { code: "INVALID_DEFINITION", message: text }));
