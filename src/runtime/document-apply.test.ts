/** Views on a store without transactions: one step after the other, where an old worker or a crash comes between. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { documentWorld, firstGeneration } from "../../test/document-world.ts";
import { logWriter, orderSummaries, orderTotals, turns } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";

/** One partition of each log: orders of one customer. */
function story() {
  const orders = logWriter("orders", 1);
  const customers = logWriter("customers", 1);
  return {
    created: (stream: string, customerId = "c-1") => orders.add(stream, "Created", { customerId }),
    moved: (stream: string, customerId = "c-1") => orders.add(stream, "Moved", { customerId }),
    erased: (stream: string) => orders.add(stream, "Erased", {}),
    registered: (name: string) => customers.add("c-1", "Registered", { name, email: "a@example.com" }),
    renamed: (name: string) => customers.add("c-1", "Renamed", { name }),
    removed: () => customers.add("c-1", "Removed", {}),
    orders: orders.byPartition[0]!,
    customers: customers.byPartition[0]!,
    all: () => [...orders.byPartition.flat(), ...customers.byPartition.flat()],
  };
}

for (const [name, sizes] of [
  ["born and deleted in one batch", [2]],
  ["deleted in a batch of its own", [1, 1]],
] as const) {
  test(`a document that was ${name} is not brought back by an old worker`, async () => {
    const { open } = documentWorld();
    const [old, next] = [open(), open()];
    const { created, erased, orders } = story();
    created("o-1");
    erased("o-1");
    const projection = await firstGeneration(next.store, orderTotals);
    const from = await projection.checkpoint("orders", 0);
    const held = old.rows.faults.hold("writeRows");
    const late = applyNext(old.store.projection(orderTotals, 1), from, orders, 1);
    await held.reached;
    for (const size of sizes) assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), orders, size), "applied");
    held.release();
    assert.equal(await late, "moved");
    await assertFold(next.store, orderTotals, 1, orders);
  });
}

test("a document that was written with older copies than there are by then gets the newer ones", async () => {
  const { open } = documentWorld();
  const [first, other] = [open(), open()];
  const { created, registered, orders, customers, all } = story();
  created("o-1");
  registered("Ann");
  const projection = await firstGeneration(first.store, orderSummaries);
  const held = first.rows.faults.hold("writeRows");
  const applied = applyNext(projection, await projection.checkpoint("orders", 0), orders, 1);
  await held.reached;
  const cards = other.store.projection(orderSummaries, 1);
  assert.equal(await applyNext(cards, await cards.checkpoint("customers", 0), customers, 1), "applied");
  held.release();
  assert.equal(await applied, "applied");
  await assertFold(first.store, orderSummaries, 1, all());
});

test("a document that a worker wrote with older copies in the middle of a fan-out, and then ended, is found again", async () => {
  const { open } = documentWorld();
  const [ending, renewing] = [open(), open()];
  const { created, moved, registered, orders, customers } = story();
  created("o-1");
  moved("o-1");
  registered("Ann");
  const projection = await firstGeneration(ending.store, orderSummaries);
  await applyNext(projection, await projection.checkpoint("orders", 0), orders, 1);
  const writing = ending.rows.faults.hold("writeRows");
  const ended = applyNext(projection, await projection.checkpoint("orders", 0), orders, 1);
  await writing.reached;
  const fanOut = renewing.rows.faults.hold("writeRows", ({ of }) => of === orderSummaries.name);
  const cards = renewing.store.projection(orderSummaries, 1);
  const renewed = applyNext(cards, await cards.checkpoint("customers", 0), customers, 1);
  await fanOut.reached;
  ending.rows.faults.fail("readRows");
  writing.release();
  await assert.rejects(ended, { code: "UNAVAILABLE" });
  fanOut.release();
  assert.equal(await renewed, "applied");
  assert.equal((await renewing.store.get(orderSummaries, 1, ["o-1"]))[0]?.document["customerName"], "Ann");
});

test("a document whose worker ended before it looked for newer copies gets them when its batch is applied again", async () => {
  const { open } = documentWorld();
  const [first, other] = [open(), open()];
  const { created, registered, orders, customers, all } = story();
  created("o-1");
  registered("Ann");
  const projection = await firstGeneration(first.store, orderSummaries);
  const held = first.rows.faults.hold("writeRows");
  const from = await projection.checkpoint("orders", 0);
  const applied = applyNext(projection, from, orders, 1);
  await held.reached;
  const cards = other.store.projection(orderSummaries, 1);
  assert.equal(await applyNext(cards, await cards.checkpoint("customers", 0), customers, 1), "applied");
  first.rows.faults.fail("readRows");
  held.release();
  await assert.rejects(applied, { code: "UNAVAILABLE" });
  assert.equal(await applyNext(projection, from, orders, 1), "applied");
  await assertFold(first.store, orderSummaries, 1, all());
});

test("documents whose copies were not renewed when the worker ended get them when the batch is applied again", async () => {
  const { open } = documentWorld();
  const { store, rows } = open();
  const { created, registered, renamed, removed, orders, customers, all } = story();
  created("o-1");
  registered("Ann");
  const projection = await firstGeneration(store, orderSummaries);
  await applyNext(projection, await projection.checkpoint("orders", 0), orders, 1);
  for (const next of [undefined, renamed, removed]) {
    next?.("Bea");
    const from = await projection.checkpoint("customers", 0);
    rows.faults.fail("referring");
    await assert.rejects(applyNext(projection, from, customers, 1), { code: "UNAVAILABLE" });
    assert.equal(await applyNext(projection, from, customers, 1), "applied");
    await assertFold(store, orderSummaries, 1, [...orders, ...customers.slice(0, from.position + 1)]);
  }
  assert.equal((await store.get(orderSummaries, 1, ["o-1"]))[0]?.document["customerName"], null);
  await assertFold(store, orderSummaries, 1, all());
});

test("more documents than one reading finds get their copies", async () => {
  const { store } = documentWorld().open();
  const { created, registered, renamed, orders, customers, all } = story();
  for (let i = 0; i < 2_100; i++) created(`o-${i}`);
  registered("Ann");
  renamed("Bea");
  const projection = await firstGeneration(store, orderSummaries);
  await applyNext(projection, await projection.checkpoint("orders", 0), orders, 2_100);
  for (let i = 0; i < 2; i++) await applyNext(projection, await projection.checkpoint("customers", 0), customers, 1);
  await assertFold(store, orderSummaries, 1, all());
});

test("the checkpoint moves after everything is written and visible, also where another worker wrote it", async () => {
  const { store, rows, catalog } = documentWorld().open();
  const { created, orders } = story();
  created("o-1");
  const projection = await firstGeneration(store, orderTotals);
  const from = await projection.checkpoint("orders", 0);
  const steps: string[] = [];
  for (const point of ["writeRows", "visible"] as const) rows.faults.before(point, () => void steps.push(point));
  catalog.faults.before("move", () => void steps.push("move"));
  rows.faults.fail("visible");
  await assert.rejects(applyNext(projection, from, orders, 1), { code: "UNAVAILABLE" });
  assert.deepEqual(steps.splice(0), ["writeRows", "visible"]);
  assert.equal(await applyNext(projection, from, orders, 1), "applied");
  assert.deepEqual(steps, ["writeRows", "visible", "move"]);
  await assertFold(store, orderTotals, 1, orders);
});

test("documents of one declared version are not folded by another one's handlers", async () => {
  const { store, rows } = documentWorld().open();
  const { created, orders } = story();
  created("o-1");
  const projection = await firstGeneration(store, orderTotals);
  const from = await projection.checkpoint("orders", 0);
  rows.faults.before("writeRows", () => assert.fail("nothing is written"));
  assert.equal(await applyNext(store.projection({ ...orderTotals, version: orderTotals.version + 1 }, 1), from, orders, 1), "moved");
});

test("a key that no store could hold is the event's fault", async () => {
  const { store } = documentWorld().open();
  const { orders, created } = story();
  created("o-1");
  const projection = await firstGeneration(store, turns);
  const from = await projection.checkpoint("orders", 0);
  for (const key of ["", "a\0", "\ud800", "x".repeat(513)]) {
    const view = { ...turns, keys: () => [key] };
    await assert.rejects(applyNext(store.projection(view, 1), from, orders, 1), { code: "HANDLER_FAILED" }, JSON.stringify(key));
  }
});
