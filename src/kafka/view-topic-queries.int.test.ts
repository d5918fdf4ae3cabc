import assert from "node:assert/strict";
import { test } from "node:test";
import { kafka } from "../../test/services.ts";
import { batchAfter, topicWorld, view } from "../../test/topic-world.ts";
import { eventsOf, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, assertFold } from "../../test/view-stores.ts";
import { querySide } from "../runtime/queries.ts";
import { pause, wake } from "../runtime/wake.ts";
import { createTopic, topicSettings } from "./topics.ts";
import { readToEnd } from "./view-topic-reading.ts";

const brokers = (await kafka()).brokers.join(",");
const domain = { partitions: 2, orders: 30, customers: 5, orderEvents: 300, customerEvents: 0 };
const logId = "id of orders";

test("a query process answers a token when it has read its checkpoint itself", async (t) => {
  const world = topicWorld(t, brokers, 2);
  const logs = randomLogs(random(3), domain);
  const projection = await world.feed(world.open());
  const { store } = world.open();
  const queries = await querySide({ stores: new Map([[view, store]]) });
  t.after(() => queries.close());
  for (let at = 0; at < 10; at++) {
    const from = await projection.checkpoint("orders", 0);
    const { to, events } = batchAfter(logs, from, 3);
    const token = [{ log: "orders", logId, partition: 0, position: to.position }];
    // asked for before it is there, and not a moment later than it is
    const asked = queries.get(view, events.at(-1)!.stream, { token, waitMs: 10_000 });
    assert.equal(await projection.apply(from, to, events), "applied");
    const { value } = await asked;
    const expected = projectionOf(logs.orders[0]!.slice(0, to.position), events.at(-1)!.stream);
    assert.equal(value?.version, expected);
  }
});

/** The version of a stream's document after `events`. */
function projectionOf(events: readonly Parameters<typeof view.fold>[1][], stream: string): number | undefined {
  let document: ReturnType<typeof view.fold> = null;
  let version: number | undefined;
  for (const event of events.filter((each) => each.stream === stream && view.handles(each))) {
    document = view.fold(document, event, stream);
    version = document === null ? undefined : event.version;
  }
  return version;
}

test("what the topic holds and this process has not read is not covered, whatever the catalogue says", async (t) => {
  const world = topicWorld(t, brokers, 2);
  const logs = randomLogs(random(4), domain);
  const projection = await world.feed(world.open());
  const { store, catalog } = world.open();
  const stop = await store.onCheckpoint(() => undefined);
  t.after(stop);
  assert.notEqual(await store.current(view), null);
  const from = await projection.checkpoint("orders", 1);
  const { to } = batchAfter(logs, from, 4);
  // a checkpoint that no record came before
  assert.equal(await catalog.of(view, 1).move(from, to), "applied");
  const [status] = await store.status([view]);
  assert.equal(status?.generations[0]?.checkpoints.find(({ partition }) => partition === 1)?.position, 0);
  const [recorded] = await catalog.status([view]);
  assert.equal(recorded?.generations[0]?.checkpoints.find(({ partition }) => partition === 1)?.position, 4);
});

test("a switch is followed: the one before answers until the new one is read", async (t) => {
  const world = topicWorld(t, brokers, 2);
  const logs = randomLogs(random(5), domain);
  const worker = world.open();
  await applyAll(await world.feed(worker), "orders", logs.orders, 100);
  const { store } = world.open();
  const queries = await querySide({ stores: new Map([[view, store]]) });
  t.after(() => queries.close());
  const { stream } = logs.orders[0]![0]!;
  const before = await queries.get(view, stream);
  const { generation } = await worker.store.create(view);
  const next = worker.store.projection(view, generation);
  await next.checkpoints(new Map([["orders", 2]]));
  await applyAll(next, "orders", logs.orders, 50);
  const changed = wake();
  const stop = await store.onGenerations(() => changed.signal());
  t.after(stop);
  await worker.store.switch(view, generation);
  for (;;) {
    const ticket = changed.ticket();
    assert.deepEqual((await queries.get(view, stream)).value, before.value);
    const [status] = await store.status([view]);
    const live = status?.generations.find(({ state }) => state === "live");
    if (live?.generation === generation) break;
    assert.equal(live?.generation, 1, "somebody answers all the time");
    await changed.after(ticket, { maxWaitMs: 5_000 });
  }
  await store.caughtUp(view, generation);
  await assertFold(store, view, generation, eventsOf(logs));
});

test("compaction takes nothing that is needed: what is read afterwards is the same", async (t) => {
  const world = topicWorld(t, brokers, 1);
  const logs = randomLogs(random(6), { ...domain, partitions: 1, orders: 10 });
  const worker = world.open();
  // so that segments close and are compacted at once
  await createTopic(worker.cluster, world.topic, 1, [
    { name: "cleanup.policy", value: "compact" },
    { name: "segment.ms", value: "50" },
    { name: "min.cleanable.dirty.ratio", value: "0.001" },
    { name: "min.compaction.lag.ms", value: "0" },
    { name: "max.compaction.lag.ms", value: "1" },
    { name: "delete.retention.ms", value: "0" },
  ]);
  const projection = await world.feed(worker);
  assert.equal((await topicSettings(worker.cluster, world.topic)).get("cleanup.policy"), "compact");
  let from = await projection.checkpoint("orders", 0);
  for (; from.position < logs.orders[0]!.length; from = await projection.checkpoint("orders", 0)) {
    const events = logs.orders[0]!.slice(from.position, from.position + 2);
    assert.equal(await projection.apply(from, after(from, events), events), "applied");
  }
  const place = { view: view.name, version: 1, generation: 1, log: "orders", topic: world.topic };
  const topicId = (await worker.cluster.refresh(world.topic))!.topicId;
  const remaining = async (): Promise<number> => {
    let count = 0;
    const sink = { document: () => void count++, checkpoint: () => void count++ };
    await readToEnd(worker.cluster, { ...place, topicId }, 0, null, sink);
    return count;
  };
  const limit = AbortSignal.timeout(45_000);
  while ((await remaining()) > 100) {
    assert.equal(limit.aborted, false, "Kafka compacts");
    await pause(250, limit);
  }
  for (let reading = 0; reading < 3; reading++) {
    const { store } = world.open();
    await store.caughtUp(view, 1);
    await assertFold(store, view, 1, eventsOf(logs));
  }
  // and whoever takes the partition over reads the same
  const later = await world.feed(world.open());
  assert.equal(
    await later.apply({ ...from, position: 0, eventId: null }, after(from, logs.orders[0]!.slice(0, 2)), logs.orders[0]!.slice(0, 2)),
    "moved",
  );
});
