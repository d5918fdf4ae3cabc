/** Rows on a real engine: conditional writes item by item, refusals, and any JSON as it was. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { searchEngines, type SearchUnderTest } from "../../test/search-engines.ts";
import { orders } from "../../test/view-domain.ts";
import type { Document } from "../core/definition.ts";
import { view } from "../core/view.ts";
import type { DocumentGeneration, DocumentRow } from "../runtime/document-store.ts";

const things = view(
  "things",
  {
    document: z.object({ name: z.string().nullable(), size: z.number().optional(), any: z.json().optional() }),
    from: [orders],
    indexes: ["name", "size"],
  },
  { create: { Created: () => ({ name: null }) }, on: {} },
);

const row = (key: string, document: Document | null, edition = 1): DocumentRow => ({
  key,
  document,
  version: edition,
  lastUpdated: "2026-01-01T00:00:00.000Z",
  seen: { "orders.with.dots/0": edition },
  copied: {},
  edition,
});

async function prepared({ documents }: SearchUnderTest): Promise<DocumentGeneration> {
  documents.accept(things);
  const generation = documents.generation(things, 1);
  await generation.prepare();
  return generation;
}

async function block(world: SearchUnderTest, write: boolean): Promise<void> {
  const response = await fetch(`${world.url}/${world.prefix}things-g1/_settings`, {
    method: "PUT",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ "index.blocks.write": write }),
  });
  assert.equal(response.status, 200);
}

for (const [name, engine] of Object.entries(searchEngines)) {
  test(`${name}: rows of one request are written, lost and refused each by itself`, async () => {
    await using world = await engine();
    const { own } = await prepared(world);
    assert.deepEqual(await own.write([row("a", { name: "a" }), row("b", { name: "b" })]), ["written", "written"]);
    assert.deepEqual(await own.write([row("a", { name: "a2" }, 2)]), ["written"]);
    const mixed = [
      row("a", { name: "old" }, 2),
      row("b", { name: "b2" }, 2),
      row("c", { name: "x".repeat(40_000) }),
      row("d", { name: 5 }),
      row("e", null),
      row("b2", { name: "new" }),
      row("a1", { name: "first" }, 1),
    ];
    const outcomes = await own.write(mixed);
    assert.deepEqual(
      outcomes.map((outcome) => (typeof outcome === "string" ? outcome : "refused")),
      ["lost", "written", "refused", "refused", "written", "written", "written"],
    );
    const stored = await own.read(["a", "b", "c", "d", "e", "b2", "a1", "none"]);
    assert.deepEqual(Object.fromEntries([...stored].map(([key, { document, edition }]) => [key, [document, edition]])), {
      a: [{ name: "a2" }, 2],
      b: [{ name: "b2" }, 2],
      e: [null, 1],
      b2: [{ name: "new" }, 1],
      a1: [{ name: "first" }, 1],
    });
    assert.deepEqual(stored.get("b"), mixed[1]);
  });

  test(`${name}: what may pass is no refusal, and the rows go through afterwards`, async () => {
    await using world = await engine();
    const { own } = await prepared(world);
    await block(world, true);
    await assert.rejects(own.write([row("a", { name: "a" })]), { code: "UNAVAILABLE", message: /cluster_block_exception/ });
    await block(world, false);
    assert.deepEqual(await own.write([row("a", { name: "a" })]), ["written"]);
  });

  test(`${name}: whatever is JSON is kept as it is, of any size`, async () => {
    await using world = await engine();
    const generation = await prepared(world);
    let deep: Document[string] = "bottom";
    for (let i = 0; i < 200; i++) deep = i % 2 === 0 ? [deep] : { "": deep };
    const odd: Document[] = [
      { name: null, any: { "a.b": 1, "": 2, ".": 3, "_id": "x", " ": [[], {}, [[null]]], "constructor": 1 } },
      { name: "𠮷 \u{10ffff} é e\u0301 \u0007 \u2028", any: "2026-02-30T25:00:00Z" },
      { name: "", size: 9_007_199_254_740_992, any: [1e308, 5e-324, -1.5, 1e21, 2 ** 63, 0.1] },
      { name: "mixed", any: [1, "1", true, null, { x: 1 }, [2]] },
      { name: "deep", any: deep },
      { name: "large", any: "x".repeat(3_000_000) },
      { name: "larger", any: "é".repeat(3_000_000) },
    ];
    const rows = odd.map((document, i) => row(`k/${i} é`, document));
    const keys = rows.map(({ key }) => key);
    assert.deepEqual(
      await generation.own.write(rows),
      rows.map(() => "written"),
    );
    assert.deepEqual(
      (await generation.get(keys)).map((stored) => stored?.document),
      odd,
    );
    await generation.visible();
    const { items } = await generation.find({ where: { size: 9_007_199_254_740_992 }, order: [], limit: 2 });
    assert.deepEqual(items, [{ document: odd[2], version: 1, lastUpdated: rows[2]!.lastUpdated }]);
  });
}
