/** Generations: made, filled, switched under reads, kept as previous, retired; releases of several versions side by side; storage that was lost. */
import assert from "node:assert/strict";
import type { AnyView } from "../../core/definition.ts";
import { view } from "../../core/view.ts";
import { isTidemarkError } from "../../errors.ts";
import type { ViewStore } from "../../runtime/ports.ts";
import { orders, orderTotals } from "./domain.ts";
import { applyAll, applyNext, feedLive, openProjection } from "./feed.ts";
import { logWriter } from "./logs.ts";
import { fields, text, whole } from "./schemas.ts";
import { type Group, group } from "./suite.ts";
import type { Suite } from "./world.ts";

const counted = (name: string, version = 1) =>
  view(
    name,
    {
      version,
      document: fields<{ count: number; label?: string }>(
        version === 1 ? { count: whole } : { label: text, count: whole },
        version === 1 ? [] : ["label"],
      ),
      from: [orders],
      indexes: ["count"],
    },
    {
      create: { Created: () => (version === 1 ? { count: 0 } : { count: 0, label: `made by ${version}` }) },
      on: { Added: (order, { data }) => ({ ...order, count: order.count + data.quantity }) },
    },
  );

const streams = 7;
const someOrders = (count: number) => {
  const log = logWriter("orders", 1);
  for (let i = 0; i < count; i++) {
    const born = i < streams;
    log.add(`o${i % streams}`, born ? "Created" : "Added", born ? { customerId: null } : { productId: "p", quantity: 1 });
  }
  return log.byPartition;
};

const statesOf = async (store: ViewStore, of: AnyView): Promise<readonly string[]> =>
  (await store.status([of]))[0]!.generations.map(({ generation, state }) => `${generation} ${state}`);

export function generationCases(suite: Suite): void {
  group(suite, "generations", [], {
    "the first is live at once, one of a new version is building, and each release reads its own": releases,
    "an old release that comes back after a newer one has taken over builds nothing": past,
    "a switch needs the live one's positions; the live one goes on as previous, an older previous one goes": switching,
    "a switch under reads: every answer is whole, or says that the generation has moved": underReads,
    "another version's definition never folds the documents of this one": versions,
  });
  group(suite, "lost storage", ["lostStorage"], { "is refused by name, and never filled from the middle of a log": lost });
  group(suite, "neighbours", ["prefixes"], { "two services with views of one name do not see each other": neighbours });
}

async function releases({ main: store }: Group): Promise<void> {
  const [v1, v2] = [counted("releases"), counted("releases", 2)];
  assert.equal(await store.current(v1), null);
  const first = await store.ensure(v1);
  const [{ generation, declaredVersion, state, createdAt, hash }] = first.generations as [(typeof first.generations)[number]];
  assert.deepEqual([generation, declaredVersion, state, hash, first.changed], [1, 1, "live", v1.hash, false]);
  assert.match(createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
  assert.deepEqual(await store.ensure(v1), first);
  assert.equal((await store.ensure({ ...v1, hash: "other" })).changed, true);
  assert.deepEqual(await statesOf(store, v1), ["1 live"], "another hash alone makes no generation");
  const second = await store.ensure(v2);
  assert.deepEqual(
    second.generations.map((one) => [one.generation, one.state, one.declaredVersion]),
    [[2, "building", 2]],
  );
  assert.equal((await store.current(v1))?.generation, 1);
  assert.equal(await store.current(v2), null, "what is being filled answers nobody");
  const extra = await store.create(v1);
  assert.deepEqual([extra.generation, extra.state], [3, "building"]);
  assert.equal((await store.current(v1))?.generation, 1);
}

async function past({ main: store }: Group): Promise<void> {
  const [v1, v2] = [counted("past"), counted("past", 2)];
  await store.ensure(v2);
  assert.deepEqual(await store.ensure(v1), { generations: [], changed: false });
  assert.equal(await store.current(v1), null);
  assert.equal((await store.current(v2))?.state, "live");
}

async function switching({ main: store, assertFold }: Group): Promise<void> {
  const [v1, v2] = [counted("switched"), counted("switched", 2)];
  const log = someOrders(20);
  await applyAll(await feedLive(store, v1, 1), "orders", log, 8);
  await store.ensure(v2);
  await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
  const next = await openProjection(store, v2, 2, 1);
  await applyAll(next, "orders", [log[0]!.slice(0, 19)], 50);
  await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
  await applyAll(next, "orders", log, 50);
  await store.switch(v2, 2);
  await store.switch(v2, 2);
  assert.deepEqual(await statesOf(store, v2), ["1 previous", "2 live"]);
  await assertFold(v1, 1, log.flat());
  await assertFold(v2, 2, log.flat());
  // back at once, and forth
  await store.switch(v1, 1);
  assert.deepEqual(await statesOf(store, v2), ["1 live", "2 previous"]);
  const { generation } = await store.create(v1);
  await applyAll(await openProjection(store, v1, generation, 1), "orders", log, 50);
  await store.switch(v1, generation);
  assert.deepEqual(await statesOf(store, v2), ["1 previous", "2 retired", "3 live"]);
  await assert.rejects(store.get(v2, 2, ["o1"]), { code: "GENERATION_MOVED" });
  await assert.rejects(next.checkpoint("orders", 0), { code: "GENERATION_MOVED" });
  await assert.rejects(next.checkpoints(new Map([["orders", 1]])), { code: "GENERATION_MOVED" });
  await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
  await assert.rejects(store.retire(v1, generation), { code: "REBUILD_REFUSED" });
  await assert.rejects(store.retire(v1, 77), { code: "NOT_FOUND" });
  await store.retire(v1, 1);
  await store.retire(v1, 1);
  await assert.rejects(store.get(v1, 1, ["o1"]), { code: "GENERATION_MOVED" });
  await assert.rejects(store.get(v1, 99, ["o1"]), { code: "GENERATION_MOVED" });
  assert.equal((await store.ensure(v2)).generations[0]?.generation, 4);
  await assertFold(v1, generation, log.flat());
}

async function underReads({ main, process }: Group): Promise<void> {
  const v = counted("busy");
  const log = someOrders(200);
  const others = [await process(), await process()];
  const live = await feedLive(main, v, 1);
  await applyAll(live, "orders", [log[0]!.slice(0, 50)], 50);
  const running = { on: true };
  let reads = 0;
  const keys = Array.from({ length: streams }, (_, i) => `o${i}`);
  const reader = async (store: ViewStore) => {
    let least = 0;
    while (running.on) {
      const current = await store.current(v);
      assert.ok(current !== null);
      try {
        const found = await store.get(v, current.generation, keys);
        assert.ok(!found.includes(undefined), "a live generation has all documents");
        const sum = found.reduce((n, one) => n + (one!.document["count"] as number), 0);
        reads += 1;
        // a previous one may be fed further than the one that is live now
        if ((await store.current(v))?.generation !== current.generation) continue;
        assert.ok(sum >= least, `${sum} after ${least}`);
        least = sum;
      } catch (error) {
        if (!isTidemarkError(error, "GENERATION_MOVED")) throw error;
      }
    }
  };
  const ended = Promise.all([main, ...others].map(reader));
  const fed = new Map([[1, live]]);
  const feed = async (limit: number) => {
    for (const [generation, projection] of fed) {
      try {
        await applyNext(projection, await projection.checkpoint("orders", 0), log[0]!, limit);
      } catch (error) {
        if (!isTidemarkError(error, "GENERATION_MOVED")) throw error;
        fed.delete(generation);
      }
    }
  };
  const [builder] = others as [ViewStore, ViewStore];
  try {
    for (let i = 0; i < 4; i++) {
      const { generation } = await builder.create(v);
      const projection = await openProjection(builder, v, generation, 1);
      for (let step = 0; step < 3; step++) await feed(10);
      const end = (await [...fed.values()][0]!.checkpoint("orders", 0)).position;
      await applyAll(projection, "orders", [log[0]!.slice(0, end)], 500);
      fed.set(generation, projection);
      await builder.switch(v, generation);
      await feed(10);
    }
  } finally {
    running.on = false;
  }
  await ended;
  assert.ok(reads > 0);
  assert.deepEqual(await statesOf(main, v), ["1 retired", "2 retired", "3 retired", "4 previous", "5 live"]);
}

async function versions({ main, assertFold, process }: Group): Promise<void> {
  const [v1, v2] = [counted("versions"), counted("versions", 2)];
  const log = someOrders(24);
  const old = await feedLive(main, v1, 1);
  await applyNext(old, await old.checkpoint("orders", 0), log[0]!, 12);
  const from = await old.checkpoint("orders", 0);
  // the new release on the old one's generation
  const release = await process();
  await refused(applyNext(release.projection(v2, 1), from, log[0]!, 8));
  assert.deepEqual(await old.checkpoint("orders", 0), from);
  await assertFold(v1, 1, log[0]!.slice(0, 12));
  // the old release on the new one's
  const { generations } = await release.ensure(v2);
  assert.deepEqual(
    generations.map(({ generation, declaredVersion }) => [generation, declaredVersion]),
    [[2, 2]],
  );
  const building = await openProjection(release, v2, 2, 1);
  const start = await building.checkpoint("orders", 0);
  assert.equal(start.position, 0);
  await refused(applyNext(main.projection(v1, 2), start, log[0]!, 8));
  assert.deepEqual(await building.checkpoint("orders", 0), start);
  await applyAll(building, "orders", log, 5);
  await applyAll(old, "orders", log, 5);
  await assertFold(v2, 2, log.flat());
  await assertFold(v1, 1, log.flat());
}

/** "moved", or an error of the store where the documents have not even the same form. */
async function refused(attempt: Promise<"applied" | "moved" | "end">): Promise<void> {
  const [outcome] = await Promise.allSettled([attempt]);
  assert.ok(outcome.status === "rejected" || outcome.value === "moved", "documents of another version are not folded");
}

async function lost({ main, process, world, suite }: Group): Promise<void> {
  const log = someOrders(30);
  const projection = await feedLive(main, orderTotals, 1);
  await applyNext(projection, await projection.checkpoint("orders", 0), log[0]!, 15);
  await world.loseStorage!();
  const next = await projection.checkpoint("orders", 0);
  // a worker that runs on meets streams whose documents should be there
  await assert.rejects(applyNext(projection, next, log[0]!, 15), { code: "VIEW_STORE_DIVERGED" });
  assert.deepEqual(await projection.checkpoint("orders", 0), next);
  const restarted = (await process()).projection(orderTotals, projection.generation);
  await assert.rejects(restarted.checkpoints(new Map([["orders", 1]])), { code: "VIEW_STORE_DIVERGED" }, suite.name);
  // the way out
  const { generation } = await main.create(orderTotals);
  const rebuilt = await openProjection(main, orderTotals, generation, 1);
  await applyAll(rebuilt, "orders", log, 20);
  await main.switch(orderTotals, generation);
  await main.retire(orderTotals, projection.generation);
  assert.equal((await main.current(orderTotals))?.generation, generation);
}

async function neighbours({ main, world, assertFold }: Group): Promise<void> {
  const v = counted("shared_name");
  const log = someOrders(14);
  await applyAll(await feedLive(main, v, 1), "orders", log, 8);
  const other = await world.neighbour!();
  try {
    const theirs = await feedLive(other, v, 1);
    assert.equal(theirs.generation, 1);
    assert.deepEqual(await other.get(v, 1, ["o1"]), [undefined]);
    await applyAll(theirs, "orders", [log[0]!.slice(0, 9)], 5);
    const { generation } = await other.create(v);
    await applyAll(await openProjection(other, v, generation, 1), "orders", log, 5);
    await other.switch(v, generation);
    await other.retire(v, 1);
  } finally {
    await other.close();
  }
  await assertFold(v, 1, log.flat());
}
