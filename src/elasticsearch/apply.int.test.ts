/** Views on a real engine: rivals, zombies, crashes between effect and checkpoint, lost storage. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type SearchUnderTest, searchEngines } from "../../test/search-engines.ts";
import { allViews, eventsOf, type Logs, orderSummaries, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { ViewStore } from "../runtime/ports.ts";

const partitions = 2;

async function ready({ open }: SearchUnderTest, views: readonly AnyView[]): Promise<ViewStore> {
  const { store } = open();
  await store.migrate({ ddl: true });
  for (const view of views) {
    store.accept(view);
    await store.ensure(view);
    await store.projection(view, 1).checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  }
  return store;
}

async function drain(store: ViewStore, view: AnyView, log: string, partition: number, logs: Logs, seed: number): Promise<void> {
  const r = random(seed);
  const projection = store.projection(view, 1);
  let from: Awaited<ReturnType<typeof projection.checkpoint>> | undefined;
  for (;;) {
    try {
      // an old checkpoint now and then: a zombie's
      if (from === undefined || r.below(4) > 0) from = await projection.checkpoint(log, partition);
      if ((await applyNext(projection, from, logs[log as keyof Logs][partition]!, 1 + r.below(60))) === "end") return;
    } catch (error) {
      if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
    }
  }
}

for (const [name, engine] of Object.entries(searchEngines)) {
  const whole = name === "OpenSearch";

  test(`${name}: random cuts, rivals and lost checkpoints; every view is a fold of its logs`, async () => {
    await using world = await engine();
    const views = whole ? allViews : [orderSummaries];
    const store = await ready(world, views);
    const r = random(11);
    const logs = randomLogs(r, { partitions, orders: 8, customers: 6, orderEvents: whole ? 120 : 60, customerEvents: 60 });
    const processes = [world.open(), world.open()];
    // a crash between effect and checkpoint, and one before the answer comes back
    const crash = () => {
      if (r.below(4) === 0) throw new TidemarkError("UNAVAILABLE", { what: "injected" });
    };
    for (const { catalog } of processes) {
      catalog.faults.before("move", crash);
      catalog.faults.after("move", crash);
    }
    await Promise.all(
      views.flatMap((view) =>
        view.logs.flatMap((log) =>
          Array.from({ length: partitions * 2 }, (_, i) => drain(processes[i % 2]!.store, view, log, i % partitions, logs, i)),
        ),
      ),
    );
    for (const view of views) await assertFold(store, view, 1, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
  });

  test(`${name}: what an old worker writes after its generation was dropped brings nothing back`, async () => {
    await using world = await engine();
    await ready(world, [orderSummaries]);
    const generation = world.documents.generation(orderSummaries, 1);
    const row = { key: "o1", document: null, version: 0, lastUpdated: "", seen: {}, copied: {}, edition: 1 };
    assert.deepEqual(await generation.own.write([row]), ["written"]);
    await generation.drop();
    await generation.drop();
    const late = { ...row, edition: 2 };
    await assert.rejects(generation.own.write([late]), { code: "VIEW_STORE_DIVERGED" });
    await assert.rejects(generation.referenced.get("customer_cards")!.write([late]), { code: "VIEW_STORE_DIVERGED" });
    await assert.rejects(generation.visible(), { code: "VIEW_STORE_DIVERGED" });
    assert.deepEqual(await generation.get(["o1"]), [undefined]);
    assert.deepEqual(await generation.find({ where: {}, order: [], limit: 5 }), { items: [], next: null });
    await assert.rejects(generation.own.read(["o1"]), { code: "VIEW_STORE_DIVERGED" });
    const left = await fetch(`${world.url}/_cat/indices/${world.prefix}*?format=json`);
    assert.deepEqual(await left.json(), []);
  });

  test(`${name}: storage that was lost under its checkpoints is refused by name`, async () => {
    await using world = await engine();
    await ready(world, [orderSummaries]);
    const generation = world.documents.generation(orderSummaries, 1);
    const id = await generation.prepare();
    assert.equal(await generation.prepare(), id);
    await generation.drop();
    const { store } = world.open();
    const restarted = store.projection(orderSummaries, 1).checkpoints(new Map(orderSummaries.logs.map((log) => [log, partitions])));
    await assert.rejects(restarted, { code: "VIEW_STORE_DIVERGED" });
  });
}

test("a private copy of references that was deleted or made again is refused by name, and not made anew", async () => {
  await using world = await searchEngines["OpenSearch"]!();
  const store = await ready(world, [orderSummaries]);
  const projection = store.projection(orderSummaries, 1);
  const logs = randomLogs(random(3), { partitions: 1, orders: 4, customers: 2, orderEvents: 12, customerEvents: 4 });
  await applyNext(projection, await projection.checkpoint("customers", 0), logs.customers[0]!, 4);
  const request = async (method: string, path: string): Promise<Response> => fetch(new URL(path, world.url), { method });
  const indexes = async () => Object.keys((await (await request("GET", `/${world.prefix}*`)).json()) as object).toSorted();
  const all = await indexes();
  const copy = all.find((name) => !name.startsWith(`${world.prefix}order_summaries-g1.`))!;
  await request("DELETE", `/${copy}`);
  const again = () =>
    world
      .open()
      .store.projection(orderSummaries, 1)
      .checkpoints(new Map(orderSummaries.logs.map((log) => [log, partitions])));
  const from = await projection.checkpoint("orders", 0);
  await assert.rejects(applyNext(projection, from, logs.orders[0]!, 12), { code: "VIEW_STORE_DIVERGED" });
  await assert.rejects(again(), { code: "VIEW_STORE_DIVERGED" });
  assert.deepEqual([await indexes(), await projection.checkpoint("orders", 0)], [all.filter((name) => name !== copy), from]);
  await request("PUT", `/${copy}`);
  await assert.rejects(again(), { code: "VIEW_STORE_DIVERGED" });
});
