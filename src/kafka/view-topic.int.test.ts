import assert from "node:assert/strict";
import { test } from "node:test";
import { kafka } from "../../test/services.ts";
import { batchAfter, topicWorld, view } from "../../test/topic-world.ts";
import { eventsOf, random, randomLogs } from "../../test/view-domain.ts";
import { applyAll, assertFold } from "../../test/view-stores.ts";

const brokers = (await kafka()).brokers.join(",");
const domain = { partitions: 3, orders: 40, customers: 5, orderEvents: 600, customerEvents: 0 };

test("a topic holds the fold of its log, and another process reads it", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(1), domain);
  const worker = world.open();
  const projection = await world.feed(worker);
  await applyAll(projection, "orders", logs.orders, 7);
  const reader = world.open();
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, eventsOf(logs));
});

test("who is fenced writes nothing: an old worker that comes back late is told that others moved on", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(2), domain);
  const [old, young] = [world.open(), world.open()];
  const first = await world.feed(old);
  const begin = await first.checkpoint("orders", 0);
  const one = batchAfter(logs, begin, 5);
  assert.equal(await first.apply(begin, one.to, one.events), "applied");
  const second = await world.feed(young);
  const two = batchAfter(logs, one.to, 5);
  assert.equal(await second.apply(one.to, two.to, two.events), "applied");
  // as if it had been asleep between its reading and its writing
  const late = batchAfter(logs, one.to, 9);
  assert.equal(await first.apply(one.to, late.to, late.events), "moved");
  await applyAll(second, "orders", logs.orders, 50);
  const reader = world.open();
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, eventsOf(logs));
});
