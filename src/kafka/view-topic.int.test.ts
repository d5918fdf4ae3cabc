import assert from "node:assert/strict";
import { test } from "node:test";
import { kafka } from "../../test/services.ts";
import { batchAfter, topicWorld, view } from "../../test/topic-world.ts";
import { eventsOf, random, randomLogs } from "../../test/view-domain.ts";
import { applyAll, assertFold } from "../../test/view-stores.ts";
import type { Cluster } from "./cluster.ts";
import { isFenced } from "./protocol-errors.ts";
import { createTopic, topicSettings } from "./topics.ts";
import { viewTopicOf } from "./view-topic-names.ts";
import { deleteTopic } from "./view-topic-setup.ts";
import { topicViewStore } from "./view-topic-store.ts";
import { topicWriter } from "./view-topic-writer.ts";
import { listOffsets } from "./wire-offsets.ts";

const brokers = (await kafka()).brokers.join(",");
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const domain = { partitions: 3, orders: 40, customers: 5, orderEvents: 600, customerEvents: 0 };

test("a topic holds the fold of its log, and another process reads it", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(1), domain);
  const worker = world.open();
  const projection = await world.feed(worker);
  assert.equal((await topicSettings(worker.cluster, world.topic)).get("cleanup.policy"), "compact");
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

test("a writer is fenced by the one that takes its partition after it", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(3), domain);
  const worker = world.open();
  const from = await (await world.feed(worker)).checkpoint("orders", 0);
  const { topicId } = (await worker.cluster.refresh(world.topic))!;
  const place = { view: view.name, version: view.version, generation: 1, log: "orders", topic: world.topic, topicId };
  const writer = () => topicWriter(worker.cluster, { view, place, partition: 0, connections: worker.cluster.connections(10_000) });
  const [first, second] = [writer(), writer()];
  const one = batchAfter(logs, from, 5);
  await first.write(from, one.to, one.events);
  const two = batchAfter(logs, one.to, 5);
  await second.write(one.to, two.to, two.events);
  // it knows of nobody else: the broker alone can tell it
  const late = batchAfter(logs, one.to, 9);
  await assert.rejects(first.write(one.to, late.to, late.events), isFenced);
  const three = batchAfter(logs, two.to, 5);
  await second.write(two.to, three.to, three.events);
  assert.equal(second.position, three.to.position);
});

test("when a checkpoint moves, the topic holds what it covers", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(4), domain);
  const worker = world.open();
  const projection = await world.feed(worker);
  const held = worker.catalog.faults.hold("move");
  t.after(() => held.release());
  const from = await projection.checkpoint("orders", 0);
  const { to, events } = batchAfter(logs, from, 20);
  const applied = projection.apply(from, to, events);
  await held.reached;
  // all of it is acknowledged; that its transaction ended is seen a moment later
  assert.ok((await listOffsets(worker.cluster, world.topic, [0], "written")).get(0)! > 0);
  held.release();
  assert.equal(await applied, "applied");
});

test("what a topic holds beyond its checkpoint is not folded again", async (t) => {
  const world = topicWorld(t, brokers, 3);
  const logs = randomLogs(random(5), domain);
  const [first, second] = [world.open(), world.open()];
  const projection = await world.feed(first);
  const from = await projection.checkpoint("orders", 0);
  const one = batchAfter(logs, from, 20);
  first.catalog.faults.fail("move");
  await assert.rejects(projection.apply(from, one.to, one.events), { code: "UNAVAILABLE" });
  const two = batchAfter(logs, from, 60);
  assert.equal(await (await world.feed(second)).apply(from, two.to, two.events), "applied");
  const reader = world.open();
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, two.events);
});

test("what a late worker makes of a retired generation goes with it", async (t) => {
  const world = topicWorld(t, brokers, 1);
  const [other, late] = [world.open(), world.open()];
  await world.feed(other);
  const { generation } = await other.store.create(view);
  const topic = viewTopicOf(world.prefix, view.name, generation);
  const there = async () => (await other.cluster.refresh(topic)) !== null;
  const held = late.catalog.faults.hold("bind");
  t.after(() => held.release());
  const prepared = late.store.projection(view, generation).checkpoints(new Map([["orders", 1]]));
  await held.reached;
  assert.equal(await there(), true);
  await other.store.retire(view, generation);
  held.release();
  await assert.rejects(prepared, { code: "GENERATION_MOVED" });
  assert.equal(await there(), false);
  // one that comes later still makes nothing
  let made = false;
  const cluster: Cluster = { ...late.cluster, refresh: (name) => ((made ||= name === topic), late.cluster.refresh(name)) };
  const last = topicViewStore({ catalog: late.catalog, cluster, prefix: world.prefix, logger: silent });
  await assert.rejects(last.projection(view, generation).checkpoints(new Map([["orders", 1]])), { code: "GENERATION_MOVED" });
  assert.deepEqual([made, await there()], [false, false]);
});

test("a topic that was deleted is not made anew under its checkpoints", async (t) => {
  const world = topicWorld(t, brokers, 1);
  const worker = world.open();
  const projection = await world.feed(worker);
  await deleteTopic(worker.cluster, world.topic);
  await assert.rejects(world.feed(world.open()), { code: "VIEW_STORE_DIVERGED" });
  assert.equal(await worker.cluster.refresh(world.topic), null);
  // nor is one that somebody else makes taken for it, by who feeds it or who reads it
  await createTopic(worker.cluster, world.topic, 1, []);
  await assert.rejects(world.feed(world.open()), { code: "VIEW_STORE_DIVERGED" });
  await assert.rejects(world.open().store.caughtUp(view, 1), { code: "VIEW_STORE_DIVERGED" });
  assert.equal((await projection.checkpoint("orders", 0)).position, 0);
});
