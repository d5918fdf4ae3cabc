import assert from "node:assert/strict";
import { test } from "node:test";
import { privateKafka } from "../../test/services.ts";
import { topicWorld, view } from "../../test/topic-world.ts";
import { eventsOf, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import { isTidemarkError } from "../errors.ts";
import { pause } from "../runtime/wake.ts";

test("worker and reader go on by themselves after the broker was killed under them", async (t) => {
  const broker = await privateKafka();
  t.after(() => broker.stop());
  const world = topicWorld(t, broker.brokers.join(","), 2);
  const logs = randomLogs(random(7), { partitions: 2, orders: 20, customers: 3, orderEvents: 400, customerEvents: 0 });
  const projection = await world.feed(world.open());
  const { store } = world.open();
  t.after(await store.onCheckpoint(() => undefined));
  assert.notEqual(await store.current(view), null);
  const half = Promise.withResolvers<void>();
  let failures = 0;
  const work = async (partition: number): Promise<void> => {
    for (;;) {
      try {
        const from = await projection.checkpoint("orders", partition);
        if (from.position >= 60) half.resolve();
        if ((await applyNext(projection, from, logs.orders[partition]!, 3)) === "end") return;
      } catch (error) {
        assert.ok(isTidemarkError(error, "UNAVAILABLE"), String(error));
        failures += 1;
        await pause(100, AbortSignal.timeout(10_000));
      }
    }
  };
  const working = Promise.all([work(0), work(1)]);
  await half.promise;
  await broker.kill();
  await broker.start();
  await working;
  t.diagnostic(`${failures} failures`);
  await store.caughtUp(view, 1);
  await assertFold(store, view, 1, eventsOf(logs));
});

// In order, the broker leaves partitions without a leader and a commit without its marker: about one of six partitions at a time.
test("worker and reader go on by themselves after the broker was stopped in order under them, again and again", async (t) => {
  const broker = await privateKafka();
  t.after(() => broker.stop());
  const world = topicWorld(t, broker.brokers.join(","), 6);
  const logs = randomLogs(random(8), { partitions: 6, orders: 60, customers: 3, orderEvents: 2_400, customerEvents: 0 });
  const projection = await world.feed(world.open());
  const { store } = world.open();
  t.after(await store.onCheckpoint(() => undefined));
  assert.notEqual(await store.current(view), null);
  const positions = Array<number>(6).fill(0);
  const sum = () => positions.reduce((all, position) => all + position, 0);
  let moved = Promise.withResolvers<void>();
  let stopped = false;
  const work = async (partition: number): Promise<void> => {
    for (;;) {
      try {
        const from = await projection.checkpoint("orders", partition);
        positions[partition] = from.position;
        moved.resolve();
        // one by one, so that something is always under way; the rest at once when the broker is left alone
        if ((await applyNext(projection, from, logs.orders[partition]!, stopped ? 500 : 1)) === "end") return;
      } catch (error) {
        assert.ok(isTidemarkError(error, "UNAVAILABLE"), String(error));
        await pause(100, AbortSignal.timeout(10_000));
      }
    }
  };
  const working = Promise.all(positions.map((_, partition) => work(partition)));
  for (let round = 0; round < 2; round++) {
    const from = sum();
    while (sum() < from + 120) {
      moved = Promise.withResolvers();
      await Promise.race([moved.promise, working]);
    }
    await broker.stop();
    await broker.start();
  }
  stopped = true;
  await working;
  await store.caughtUp(view, 1);
  await assertFold(store, view, 1, eventsOf(logs));
});
