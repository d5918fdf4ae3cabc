/** Views on a store without transactions: the storage of a generation, from when it is made until it is dropped, and storage that is not the one expected. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { documentWorld, firstGeneration } from "../../test/document-world.ts";
import { orderSummaries, orderTotals, productStats, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import type { ViewStore } from "./ports.ts";

const one = new Map([["orders", 1]]);
const view = orderTotals;
const logsOf = (seed: number) => randomLogs(random(seed), { partitions: 1, orders: 3, customers: 1, orderEvents: 40, customerEvents: 1 });
const events = logsOf(7).orders[0]!;

async function secondGeneration(store: ViewStore) {
  await store.create(view);
  const projection = store.projection(view, 2);
  await projection.checkpoints(one);
  return projection;
}

for (const lost of [orderTotals, productStats]) {
  test(`${lost.name}: storage that was lost under its checkpoints is refused by name, not filled anew`, async () => {
    const { documents, open } = documentWorld();
    const { store } = open();
    const projection = await firstGeneration(store, lost);
    await applyNext(projection, await projection.checkpoint("orders", 0), events, 20);
    documents.clear();
    const next = await projection.checkpoint("orders", 0);
    for (let attempt = 0; attempt < 2; attempt++)
      await assert.rejects(applyNext(projection, next, events, 20), { code: "VIEW_STORE_DIVERGED" });
    await assert.rejects(open().store.projection(lost, 1).checkpoints(one), { code: "VIEW_STORE_DIVERGED" });
    assert.deepEqual(await projection.checkpoint("orders", 0), next);
  });
}

test("storage that was exchanged for another one is refused by name", async () => {
  const { documents, open } = documentWorld();
  const projection = await firstGeneration(open().store, view);
  await applyNext(projection, await projection.checkpoint("orders", 0), events, 20);
  documents.clear();
  const stranger = await firstGeneration(documentWorld({ documents }).open().store, view);
  assert.equal(await applyNext(stranger, await stranger.checkpoint("orders", 0), events, 40), "applied");
  await assert.rejects(open().store.projection(view, 1).checkpoints(one), { code: "VIEW_STORE_DIVERGED" });
});

test("documents that a read database knows nothing of are refused by name, not taken for its own", async () => {
  const { documents, open } = documentWorld();
  const before = await firstGeneration(open().store, view);
  await applyNext(before, await before.checkpoint("orders", 0), events, 40);
  await assert.rejects(firstGeneration(documentWorld({ documents }).open().store, view), { code: "VIEW_STORE_DIVERGED" });
  await assertFold(open().store, view, 1, events);
});

test("a process that finds storage filled by one that was faster goes on with it", async () => {
  const { open } = documentWorld();
  const [slow, fast] = [open(), open()];
  await slow.store.migrate({ ddl: true });
  await slow.store.ensure(view);
  const held = slow.rows.faults.hold("find");
  const late = slow.store.projection(view, 1).checkpoints(one);
  await held.reached;
  const projection = await firstGeneration(fast.store, view);
  await applyNext(projection, await projection.checkpoint("orders", 0), events, 40);
  held.release();
  assert.equal((await late)[0]?.position, 0 + 40);
});

test("a retired generation's documents are dropped, also after a crash, and reads of it are refused", async () => {
  const { documents, open } = documentWorld();
  const first = open();
  await firstGeneration(first.store, view);
  for (const generation of [2, 3]) {
    await first.store.create(view);
    await first.store.projection(view, generation).checkpoints(one);
  }
  await first.store.switch(view, 2);
  first.rows.faults.fail("retire");
  await assert.rejects(first.store.switch(view, 3), { code: "UNAVAILABLE" });
  assert.equal((await first.store.current(view))?.generation, 3);
  assert.deepEqual([...documents.keys()], ["order_totals/1", "order_totals/2", "order_totals/3"]);
  await assert.rejects(first.store.get(view, 1, ["x"]), { code: "GENERATION_MOVED" });
  await assert.rejects(first.store.find(view, 1, { where: {}, order: [], limit: 1 }), { code: "GENERATION_MOVED" });
  await open().store.ensure(view);
  assert.deepEqual([...documents.keys()], ["order_totals/2", "order_totals/3"]);
});

test("what a late process makes of a retired generation goes with it", async () => {
  const { documents, open } = documentWorld();
  const [late, other] = [open(), open()];
  await firstGeneration(other.store, view);
  await other.store.create(view);
  const held = late.catalog.faults.hold("bind");
  const prepared = late.store.projection(view, 2).checkpoints(one);
  await held.reached;
  await other.store.retire(view, 2);
  held.release();
  await assert.rejects(prepared, { code: "GENERATION_MOVED" });
  assert.deepEqual([...documents.keys()], ["order_totals/1"]);
});

test("what a late worker writes of a retired generation goes with it, and is read by nobody", async () => {
  const { documents, open } = documentWorld();
  const [late, other] = [open(), open()];
  await firstGeneration(other.store, view);
  const projection = await secondGeneration(late.store);
  const from = await projection.checkpoint("orders", 0);
  const [written, dropped] = [late.rows.faults.hold("writeRows"), late.rows.faults.hold("retire")];
  const applied = applyNext(projection, from, events, 1);
  await written.reached;
  await other.store.retire(view, 2);
  written.release();
  await Promise.race([dropped.reached, applied]);
  await assert.rejects(other.store.get(view, 2, [events[0]!.stream]), { code: "GENERATION_MOVED" });
  await assert.rejects(other.store.find(view, 2, { where: {}, order: [], limit: 1 }), { code: "GENERATION_MOVED" });
  dropped.release();
  assert.equal(await applied, "moved");
  assert.deepEqual([...documents.keys()], ["order_totals/1"]);
});

test("a view that moves between kinds of stores begins a generation there, and goes back to what is still fed", async () => {
  const { open } = documentWorld();
  const [here, there] = [open("here").store, open("there").store];
  await here.migrate({ ddl: true });
  const [{ generations: before }, { generations: after }] = [await here.ensure(view), await there.ensure(view)];
  assert.deepEqual(
    [before, after].map((all) => all.map(({ generation, state, store }) => [generation, state, store])),
    [[[1, "live", "here"]], [[2, "building", "there"]]],
  );
  assert.equal(await there.current(view), null, "what is being filled answers nobody");
  await there.switch(view, 2);
  assert.equal((await there.current(view))?.generation, 2);
  assert.equal((await here.current(view))?.generation, 1, "the old release reads on");
});

test("a generation that another kind of store keeps is neither fed nor bound nor switched to", async () => {
  const catalogue = documentWorld().catalogue;
  const [here, there] = [documentWorld({ catalogue }).open("here"), documentWorld({ catalogue }).open("there")];
  const projection = await firstGeneration(here.store, view);
  await there.store.ensure(view);
  await assert.rejects(here.store.switch(view, 2), { code: "REBUILD_REFUSED" });
  const from = await projection.checkpoint("orders", 0);
  assert.equal(await applyNext(there.store.projection(view, 1), from, events, 20), "moved");
  await assert.rejects(there.store.projection(view, 1).checkpoints(one), { code: "GENERATION_MOVED" });
  assert.equal(await applyNext(projection, from, events, 40), "applied");
  await assertFold(here.store, view, 1, events);
});

for (const how of ["lost", "exchanged"] as const) {
  test(`a private copy of references that was ${how} is refused by name, not made anew`, async () => {
    const { documents, open } = documentWorld();
    const projection = await firstGeneration(open().store, orderSummaries);
    const all = randomLogs(random(8), { partitions: 1, orders: 3, customers: 2, orderEvents: 20, customerEvents: 4 });
    await applyNext(projection, await projection.checkpoint("customers", 0), all.customers[0]!, 4);
    const { ids, tables } = documents.get("order_summaries/1")!;
    const [name] = [...ids.keys()].filter((each) => each !== orderSummaries.name);
    tables.delete(name!);
    if (how === "lost") ids.delete(name!);
    else ids.set(name!, "another");
    await assert.rejects(firstGeneration(open().store, orderSummaries), { code: "VIEW_STORE_DIVERGED" });
    const from = await projection.checkpoint("orders", 0);
    if (how === "lost") {
      await assert.rejects(applyNext(open().store.projection(orderSummaries, 1), from, all.orders[0]!, 20), {
        code: "VIEW_STORE_DIVERGED",
      });
      assert.deepEqual(await projection.checkpoint("orders", 0), from);
    }
  });
}
