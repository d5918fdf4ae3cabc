/** Batches in every cut, twice, late, and by several processes at once: the documents are a fold of the logs, whoever wrote them. */
import assert from "node:assert/strict";
import type { AnyView } from "../../core/definition.ts";
import type { LogEvent } from "../../core/message.ts";
import { isTidemarkError, type TidemarkError } from "../../errors.ts";
import type { Checkpoint, ViewStore } from "../../runtime/ports.ts";
import { orders, orderTotals, productStats } from "./domain.ts";
import { after, applyAll, applyNext, feedNew, unlessDown } from "./feed.ts";
import { eventsOf, type Logs, logWriter, type Random, random, randomLogs } from "./logs.ts";
import { type Group, group, has, viewsOf } from "./suite.ts";
import type { Suite } from "./world.ts";

const partitions = 3;

export const eventsFor = (view: AnyView, logs: Logs): readonly LogEvent[] =>
  view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat();

export function batchCases(suite: Suite): void {
  const seeds = Array.from({ length: suite.rounds }, (_, i) => suite.seed + i);
  group(suite, "batches", [], {
    ...Object.fromEntries(
      seeds.map((seed) => [`random cuts, repeats and replays of old batches (seed ${seed})`, (g: Group) => cuts(g, seed)]),
    ),
    ...Object.fromEntries(
      seeds.map((seed) => [
        `three processes that feed the same partitions, from checkpoints new and old (seed ${seed})`,
        (g: Group) => rivals(g, seed),
      ]),
    ),
    "a thousand keys in a batch": thousand,
    "deletes and re-creation, in every cut": recreation,
    "an old checkpoint, another event or another declared version writes nothing": stale,
    "a handler that fails names its event and writes nothing; a batch that fails late has moved": failing,
  });
}

async function cuts({ suite, main, assertFold }: Group, seed: number): Promise<void> {
  const r = random(seed);
  const logs = randomLogs(r, { partitions, orders: 10, customers: 5, orderEvents: 160, customerEvents: 60 });
  for (const view of viewsOf(suite)) {
    const projection = await feedNew(main, view, partitions);
    const open = view.logs.flatMap((log) => Array.from({ length: partitions }, (_, partition) => ({ log: log as keyof Logs, partition })));
    const old: { readonly from: Checkpoint; readonly events: readonly LogEvent[] }[] = [];
    while (open.length > 0) {
      const { log, partition } = r.pick(open);
      const events = logs[log][partition]!;
      const from = await projection.checkpoint(log, partition);
      const outcome = await applyNext(projection, from, events, 1 + r.below(r.pick([3, 12, 60])));
      if (outcome === "end")
        open.splice(
          open.findIndex((one) => one.log === log && one.partition === partition),
          1,
        );
      else {
        assert.equal(outcome, "applied");
        old.push({ from, events });
      }
      if (old.length > 0 && r.below(4) === 0) {
        const late = r.pick(old);
        assert.equal(await applyNext(projection, late.from, late.events, 1 + r.below(40)), "moved", `${view.name}: a late batch`);
      }
    }
    await assertFold(view, projection.generation, eventsFor(view, logs));
  }
}

async function rivals({ suite, main, process, assertFold }: Group, seed: number): Promise<void> {
  const r = random(seed);
  const logs = randomLogs(r, { partitions, orders: 6, customers: 5, orderEvents: 150, customerEvents: 60 });
  const stores = [main, await process(), await process()];
  for (const view of viewsOf(suite)) {
    const { generation } = await feedNew(main, view, partitions);
    const workers = view.logs.flatMap((log) =>
      Array.from({ length: partitions * stores.length }, (_, i) =>
        work(stores[i % stores.length]!, view, generation, log, Math.floor(i / stores.length), logs, random(seed * 100 + i)),
      ),
    );
    await Promise.all(workers);
    await assertFold(view, generation, eventsFor(view, logs));
  }
}

/** To the end of a partition; a quarter of the attempts are from a checkpoint of a while ago. */
async function work(
  store: ViewStore,
  view: AnyView,
  generation: number,
  log: string,
  partition: number,
  logs: Logs,
  r: Random,
): Promise<void> {
  const projection = store.projection(view, generation);
  const events = logs[log as keyof Logs][partition]!;
  let from: Checkpoint | undefined;
  for (;;) {
    if (from === undefined || r.below(4) > 0) from = await projection.checkpoint(log, partition);
    if ((await unlessDown(applyNext(projection, from, events, 1 + r.below(30)))) === "end") return;
  }
}

async function thousand({ main, assertFold, suite }: Group): Promise<void> {
  const log = logWriter("orders", 1);
  const streams = Array.from({ length: 1_000 }, (_, i) => `order-${i}`);
  for (const stream of streams) log.add(stream, "Created", { customerId: null });
  for (const [i, stream] of streams.entries()) log.add(stream, "Added", { productId: `product-${i}`, quantity: 1 + (i % 3) });
  for (const view of has(suite, "sharedKeys") ? [orderTotals, productStats] : [orderTotals]) {
    const projection = await feedNew(main, view, 1);
    await applyAll(projection, "orders", log.byPartition, 1_000);
    await assertFold(view, projection.generation, log.byPartition.flat());
  }
}

async function recreation({ main, suite, assertFold }: Group): Promise<void> {
  const log = logWriter("orders", 1);
  const added = (quantity: number) => log.add("a", "Added", { productId: "p", quantity });
  log.add("a", "Created", { customerId: "c" });
  added(2);
  log.add("a", "Erased", {});
  added(-2);
  log.add("a", "Created", { customerId: null });
  added(1);
  log.add("a", "Erased", {});
  log.add("a", "Created", { customerId: "d" });
  added(3);
  const events = log.byPartition.flat();
  for (const view of viewsOf(suite)) {
    for (let size = 1; size <= events.length; size++) {
      const projection = await feedNew(main, view, 1);
      for (
        let from = await projection.checkpoint("orders", 0);
        from.position < events.length;
        from = await projection.checkpoint("orders", 0)
      ) {
        assert.equal(await applyNext(projection, from, events, size), "applied");
        await assertFold(view, projection.generation, events.slice(0, from.position + size));
      }
      await main.retire(view, projection.generation);
    }
  }
}

async function stale({ main, suite, assertFold }: Group): Promise<void> {
  for (const view of viewsOf(suite)) {
    const projection = await feedNew(main, view, 1);
    const log = logWriter("orders", 1);
    const first = [log.add("a", "Created", { customerId: null }), log.add("a", "Added", { productId: "p", quantity: 2 })];
    const second = [log.add("a", "Added", { productId: "p", quantity: 3 })];
    const start = await projection.checkpoint("orders", 0);
    const next = after(start, first);
    assert.equal(await projection.apply(start, next, first), "applied");
    assert.equal(await projection.apply(start, next, first), "moved");
    // an event of another history: nothing that it makes may stay, whatever the store has written before it knew
    assert.equal(await projection.apply({ ...start, eventId: "other" }, after(start, first), first), "moved");
    const newer = main.projection({ ...view, version: view.version + 6 }, projection.generation);
    assert.equal(await newer.apply(start, next, first), "moved");
    assert.deepEqual(await projection.checkpoint("orders", 0), next);
    await assertFold(view, projection.generation, first);
    assert.equal(await projection.apply(next, after(next, second), second), "applied");
    await assertFold(view, projection.generation, [...first, ...second]);
  }
}

async function failing({ main, suite, assertFold }: Group): Promise<void> {
  for (const view of viewsOf(suite)) {
    const log = logWriter("orders", 1);
    const events = [
      log.add("a", "Created", { customerId: null }),
      log.add("a", "Added", { productId: "p", quantity: 2 }),
      log.add("a", "Added", { productId: "p", quantity: 3 }),
    ];
    // turns knows no Added: its second event is another
    const culprit = view.handles(events[1]!) ? 2 : 1;
    const broken: AnyView = {
      ...view,
      fold(current, event, key) {
        if (event.position === culprit) throw new Error("no such thing");
        return view.fold(current, event, key);
      },
    };
    const { generation } = await feedNew(main, view, 1);
    const projection = main.projection(broken, generation);
    const start = await projection.checkpoint("orders", 0);
    await assert.rejects(projection.apply(start, after(start, events), events), (error: TidemarkError) => {
      assert.ok(isTidemarkError(error, "HANDLER_FAILED"), error.stack);
      const { type } = events[culprit - 1]!;
      const expected = { view: view.name, type, log: orders.name, partition: 0, position: culprit, problem: "no such thing" };
      assert.deepEqual(error.details, expected);
      return true;
    });
    assert.deepEqual(await projection.checkpoint("orders", 0), start);
    await assertFold(view, generation, []);
    assert.equal(await applyNext(main.projection(view, generation), start, events, 1), "applied");
    assert.equal(await projection.apply(start, after(start, events), events), "moved");
  }
}
