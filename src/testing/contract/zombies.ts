/** An old process that was held up writes after others have moved on, or after its generation is gone. */
import assert from "node:assert/strict";
import type { AnyView } from "../../core/definition.ts";
import { isTidemarkError } from "../../errors.ts";
import { eventsFor } from "./batches.ts";
import { applyAll, applyNext, feedNew } from "./feed.ts";
import { type Logs, random, randomLogs } from "./logs.ts";
import { gate, stepsOf } from "./steps.ts";
import { type Group, group, viewsOf } from "./suite.ts";
import type { Suite } from "./world.ts";

export function zombieCases(suite: Suite): void {
  group(suite, "zombies", ["crashes"], {
    "held up before any of its steps while others go on": heldUp,
    "held up until its generation is retired and dropped: what it writes is read by nobody": dropped,
  });
  group(suite, "processes that come late", [], { "a batch for a generation that is retired": late });
}

const logsOf = (seed: number): Logs =>
  randomLogs(random(seed), { partitions: 1, orders: 5, customers: 3, orderEvents: 60, customerEvents: 30 });

/** The steps that this store tells while it applies a batch of this log. */
async function stepNames({ main, process }: Group, view: AnyView, log: keyof Logs): Promise<readonly string[]> {
  const seen = new Set<string>();
  const store = await process(
    stepsOf(
      (step, work) => {
        seen.add(step);
        return work();
      },
      (_, work) => work(),
    ),
  );
  const { generation } = await feedNew(main, view, 1);
  const projection = store.projection(view, generation);
  const from = await projection.checkpoint(log, 0);
  seen.clear();
  await applyNext(projection, from, logsOf(1)[log][0]!, 20);
  await main.retire(view, generation);
  assert.ok(seen.size > 0, "the store tells its steps");
  return [...seen];
}

async function heldUp(g: Group): Promise<void> {
  const { suite, main, process, assertFold } = g;
  for (const view of viewsOf(suite)) {
    for (const log of view.logs as readonly (keyof Logs)[]) {
      for (const [i, step] of (await stepNames(g, view, log)).entries()) {
        const logs = logsOf(suite.seed + i);
        const { generation } = await feedNew(main, view, 1);
        const projection = main.projection(view, generation);
        await applyNext(projection, await projection.checkpoint(log, 0), logs[log][0]!, 9);
        const old = gate();
        const zombie = (await process(old.steps)).projection(view, generation);
        const from = await zombie.checkpoint(log, 0);
        const held = old.hold(step);
        const late = applyNext(zombie, from, logs[log][0]!, 12);
        // a step that this batch has no need of is not come to
        const reached = await Promise.race([held.reached.then(() => true), late.then(() => false)]);
        for (const each of view.logs) await applyAll(projection, each, logs[each as keyof Logs], 7);
        held.release();
        assert.equal(await late, reached ? "moved" : "applied", `${view.name}: held before '${step}'`);
        await assertFold(view, generation, eventsFor(view, logs));
        await main.retire(view, generation);
      }
    }
  }
}

async function dropped(g: Group): Promise<void> {
  const { suite, main, process } = g;
  for (const view of viewsOf(suite)) {
    for (const log of view.logs as readonly (keyof Logs)[]) {
      for (const step of await stepNames(g, view, log)) {
        const logs = logsOf(suite.seed);
        const { generation } = await feedNew(main, view, 1);
        const old = gate();
        const zombie = (await process(old.steps)).projection(view, generation);
        const from = await zombie.checkpoint(log, 0);
        // first events of streams and, from there on, later ones of streams whose documents are gone
        const first = await applyNext(zombie, from, logs[log][0]!, 6);
        assert.equal(first, "applied");
        const held = old.hold(step);
        const late = applyNext(zombie, await zombie.checkpoint(log, 0), logs[log][0]!, 60);
        await Promise.race([held.reached, late]);
        await main.retire(view, generation);
        held.release();
        await gone(late);
        const keys = [...new Set(logs[log][0]!.flatMap((event) => view.keys(event)))];
        for (const key of keys)
          await assert.rejects(main.get(view, generation, [key]), { code: "GENERATION_MOVED" }, `${view.name}, '${step}'`);
        if (suite.features.find === true) {
          const query = { where: {}, order: [], limit: 1 };
          await assert.rejects(main.find(view, generation, query), { code: "GENERATION_MOVED" }, `${view.name}, '${step}'`);
        }
      }
    }
  }
}

/** What a batch for a generation that is gone may answer. */
async function gone(late: Promise<"applied" | "moved" | "end">): Promise<void> {
  try {
    assert.notEqual(await late, "end");
  } catch (error) {
    if (!isTidemarkError(error, "GENERATION_MOVED") && !isTidemarkError(error, "UNAVAILABLE")) throw error;
  }
}

async function late({ suite, main, process, assertFold }: Group): Promise<void> {
  for (const view of viewsOf(suite)) {
    const logs = logsOf(suite.seed);
    const live = await feedNew(main, view, 1);
    await applyAll(live, "orders", logs.orders, 40);
    const old = await feedNew(main, view, 1);
    const other = (await process()).projection(view, old.generation);
    const from = await other.checkpoint("orders", 0);
    assert.equal(await applyNext(other, from, logs.orders[0]!, 5), "applied");
    const next = await other.checkpoint("orders", 0);
    await main.retire(view, old.generation);
    assert.equal(await applyNext(other, next, logs.orders[0]!, 20), "moved");
    await assert.rejects(other.checkpoint("orders", 0), { code: "GENERATION_MOVED" });
    await assert.rejects(main.get(view, old.generation, ["x"]), { code: "GENERATION_MOVED" });
    await assertFold(view, live.generation, logs.orders.flat());
  }
}
