/** Bulk loads into a store without transactions: one that ends between any two steps, two of one partition, old workers; afterwards every document is what a fresh fold gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type DocumentProcess, documentWorld, firstGeneration } from "../../test/document-world.ts";
import { eventsOf, logWriter, orderSummaries, orderTotals, productStats, type Random, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, applyNext, assertFold, kept } from "../../test/view-stores.ts";
import type { LogEvent } from "../core/message.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { PartitionLoad, ViewProjection } from "./ports.ts";

const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 100);
const partitions = 2;

async function loadOf(projection: ViewProjection, partition = 0, keep = kept(1_000)): Promise<PartitionLoad> {
  const load = projection.load!(await projection.checkpoint("orders", partition), keep);
  assert.ok(load);
  return load;
}

/** `count` events after those added before. */
function feeder(load: PartitionLoad, events: readonly LogEvent[]) {
  let to = load.checkpoint;
  return {
    async add(count = events.length): Promise<void> {
      const next = events.slice(to.position, to.position + count);
      to = after(to, next);
      await load.add(next, to);
    },
    atEnd: () => to.position === events.length,
  };
}

function story() {
  const log = logWriter("orders", 1);
  return {
    events: log.byPartition[0]!,
    created: (stream: string) => log.add(stream, "Created", { customerId: "c-1" }),
    added: (stream: string) => log.add(stream, "Added", { productId: "p", quantity: 1 }),
    erased: (stream: string) => log.add(stream, "Erased", {}),
  };
}

test("each document is written once for all that was held of it, and read once where it may be there", async () => {
  const { store, rows } = documentWorld().open();
  const { events, created, added } = story();
  for (const stream of ["a", "b"]) created(stream);
  for (let i = 0; i < 10; i++) added(i % 2 === 0 ? "a" : "b");
  const projection = await firstGeneration(store, orderTotals);
  assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 4), "applied");
  const [written, read]: [string[][], string[]] = [[], []];
  rows.faults.before("writeRows", (details) => void written.push(details.rows.map(({ key }) => key)));
  rows.faults.before("readRows", (details) => void read.push(...details.keys));
  const load = await loadOf(projection);
  const { add, atEnd } = feeder(load, events);
  while (!atEnd()) await add(2);
  assert.deepEqual(written, []);
  assert.equal(load.held().documents, 2);
  assert.equal(await load.flush(), "applied");
  assert.deepEqual([written, read.toSorted()], [[["a", "b"]], ["a", "b"]]);
  added("a");
  await add();
  assert.equal(await load.flush(), "applied");
  assert.deepEqual([written.at(-1), read.length], [["a"], 2], "what is kept is not read again");
  assert.deepEqual(await projection.checkpoint("orders", 0), load.checkpoint);
  await assertFold(store, orderTotals, 1, events);
});

test("events that come while a document is written are folded on, and go over what was written", async () => {
  const { store, rows } = documentWorld().open();
  const { events, created, added } = story();
  created("a");
  const projection = await firstGeneration(store, orderTotals);
  const load = await loadOf(projection);
  const { add } = feeder(load, events);
  await add();
  rows.faults.before("readRows", () => assert.fail("nothing is read"));
  const held = rows.faults.hold("writeRows");
  const flushed = load.flush();
  await held.reached;
  added("a");
  await add();
  held.release();
  assert.equal(await flushed, "applied");
  assert.equal((await store.get(orderTotals, 1, ["a"]))[0]?.version, 1);
  assert.equal(await load.flush(), "applied");
  await assertFold(store, orderTotals, 1, events);
});

test("the checkpoint moves after everything is written and visible", async () => {
  const { store, rows, catalog } = documentWorld().open();
  const { events, created } = story();
  created("a");
  const projection = await firstGeneration(store, orderTotals);
  const load = await loadOf(projection);
  const steps: string[] = [];
  for (const point of ["writeRows", "visible"] as const) rows.faults.before(point, () => void steps.push(point));
  catalog.faults.before("move", () => void steps.push("move"));
  await feeder(load, events).add();
  assert.equal(await load.flush(), "applied");
  assert.deepEqual(steps, ["writeRows", "visible", "move"]);
});

for (const point of ["writeRows", "visible"] as const) {
  for (const when of ["before", "after"] as const) {
    test(`a load that ends ${when} ${point} is spent, and another one goes on from the checkpoint`, async () => {
      const { open } = documentWorld();
      const [ending, next] = [open(), open()];
      const { events, created, added, erased } = story();
      for (const stream of ["a", "b", "c"]) created(stream);
      added("a");
      erased("b");
      const projection = await firstGeneration(ending.store, orderTotals);
      const load = await loadOf(projection);
      const { add } = feeder(load, events);
      await add();
      ending.rows.faults.fail(point, { when });
      await assert.rejects(load.flush(), { code: "UNAVAILABLE" });
      await assert.rejects(load.flush(), /is spent/);
      await assert.rejects(load.add(events, load.checkpoint), /is spent/);
      assert.equal((await projection.checkpoint("orders", 0)).position, 0);
      added("c");
      created("b");
      const again = await loadOf(next.store.projection(orderTotals, 1));
      // in other pieces than the first one
      const more = feeder(again, events);
      await more.add(2);
      assert.equal(await again.flush(), "applied");
      await more.add();
      assert.equal(await again.flush(), "applied");
      await assertFold(next.store, orderTotals, 1, events);
    });
  }
}

test("what an old load writes late changes nothing, also of a document that was erased meanwhile", async () => {
  const { open } = documentWorld();
  const [old, next] = [open(), open()];
  const { events, created, added, erased } = story();
  for (const stream of ["a", "b"]) created(stream);
  const projection = await firstGeneration(next.store, orderTotals);
  const late = await loadOf(old.store.projection(orderTotals, 1));
  await feeder(late, events).add();
  const held = old.rows.faults.hold("writeRows");
  const flushed = late.flush();
  await held.reached;
  added("a");
  erased("b");
  const load = await loadOf(projection);
  await feeder(load, events).add();
  assert.equal(await load.flush(), "applied");
  held.release();
  assert.equal(await flushed, "moved");
  await assertFold(next.store, orderTotals, 1, events);
});

test("storage that was lost while a load knows its documents is refused by name, not filled anew", async () => {
  const { documents, open } = documentWorld();
  const { store, rows } = open();
  const { events, created, added } = story();
  created("a");
  const projection = await firstGeneration(store, orderTotals);
  const load = await loadOf(projection);
  const { add } = feeder(load, events);
  await add();
  assert.equal(await load.flush(), "applied");
  documents.clear();
  // not every store tells that what is replaced is not there
  rows.faults.before("writeRows", () => assert.fail("nothing is written"));
  added("a");
  await add();
  await assert.rejects(load.flush(), { code: "VIEW_STORE_DIVERGED" });
  assert.equal((await projection.checkpoint("orders", 0)).position, 1);
});

test("a load of another declared version, or of a generation that is gone, writes nothing", async () => {
  const { documents, open } = documentWorld();
  const { store } = open();
  const { events, created } = story();
  created("a");
  await firstGeneration(store, orderTotals);
  await store.create(orderTotals);
  const projection = store.projection(orderTotals, 2);
  await projection.checkpoints(new Map([["orders", 1]]));
  for (const other of [false, true]) {
    const one = other ? store.projection({ ...orderTotals, version: orderTotals.version + 1 }, 2) : projection;
    const load = one.load!(await projection.checkpoint("orders", 0), kept(1))!;
    await feeder(load, events).add();
    if (!other) {
      await store.retire(orderTotals, 2);
      assert.equal(await load.flush(), "moved");
      assert.deepEqual([...documents.keys()], ["order_totals/1"]);
      break;
    }
    assert.equal(await load.flush(), "moved");
  }
});

test("only documents by stream, of the view's own log, are loaded in bulk", async () => {
  const { store } = documentWorld().open();
  const summaries = await firstGeneration(store, orderSummaries);
  assert.equal(summaries.load!(await summaries.checkpoint("customers", 0), kept(1)), null);
  const stats = await firstGeneration(store, productStats);
  assert.equal(stats.load!(await stats.checkpoint("orders", 0), kept(1)), null);
});

function trouble({ catalog, rows }: DocumentProcess, r: Random): void {
  const down = () => {
    if (r.below(25) === 0) throw new TidemarkError("UNAVAILABLE", { what: "injected" });
    return r.below(3) === 0 ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined;
  };
  for (const point of ["readRows", "writeRows", "visible"] as const) {
    rows.faults.before(point, down);
    rows.faults.after(point, down);
  }
  catalog.faults.before("move", down);
  catalog.faults.after("move", down);
}

/** Loads, and now and then applies, from where the checkpoint is, or from an old one as a zombie does. */
async function run(projection: ViewProjection, partition: number, events: readonly LogEvent[], r: Random): Promise<void> {
  let from = await projection.checkpoint("orders", partition);
  while ((await projection.checkpoint("orders", partition)).position < events.length) {
    try {
      if (r.below(4) > 0) from = await projection.checkpoint("orders", partition);
      if (r.below(3) === 0) {
        await applyNext(projection, from, events, 1 + r.below(20));
        continue;
      }
      const load = projection.load!(from, kept(r.pick([0, 3, 1_000])))!;
      const { add, atEnd } = feeder(load, events);
      let flushing: Promise<unknown> = Promise.resolve();
      while (!atEnd()) {
        await add(1 + r.below(r.pick([3, 40])));
        if (r.below(3) > 0) continue;
        await flushing;
        flushing = load.flush();
        flushing.catch(() => undefined);
      }
      await flushing;
      await load.flush();
    } catch (error) {
      if (!isTidemarkError(error, "UNAVAILABLE") && !(error instanceof Error && error.message.endsWith("is spent"))) throw error;
    }
  }
}

for (let seed = 1; seed <= rounds; seed++) {
  test(`random cuts, flushes, rivals, zombies and faults: documents are a fold of their log (seed ${seed})`, async () => {
    const r = random(seed);
    const { open } = documentWorld();
    const calm = open();
    const logs = randomLogs(r, { partitions, orders: r.pick([5, 30]), customers: 6, orderEvents: 200, customerEvents: 60 });
    const processes = [open(), open()];
    for (const one of processes) trouble(one, r);
    for (const view of [orderTotals, orderSummaries]) {
      const projection = await firstGeneration(calm.store, view, partitions);
      const customers = view === orderSummaries ? applyAll(projection, "customers", logs.customers, 3) : Promise.resolve();
      const racing = processes.flatMap((one, i) =>
        logs.orders.map((events, partition) =>
          run(one.store.projection(view, 1), partition, events, random(seed * 100 + i * 10 + partition)),
        ),
      );
      await Promise.all([customers, ...racing]);
      await assertFold(calm.store, view, 1, view === orderSummaries ? eventsOf(logs) : logs.orders.flat());
    }
  });
}
