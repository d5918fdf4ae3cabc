/** Who follows a topic goes on by itself when a partition that had no leader has one again. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kafka } from "../../test/services.ts";
import { topicWorld, view } from "../../test/topic-world.ts";
import { random, randomLogs } from "../../test/view-domain.ts";
import { applyAll } from "../../test/view-stores.ts";
import { wake } from "../runtime/wake.ts";
import type { Cluster, TopicMetadata } from "./cluster.ts";
import { followTopic } from "./view-topic-follow.ts";

const brokers = (await kafka()).brokers.join(",");

/** As long as a partition has no leader, metadata is asked for again; it says so `times` times. */
function leaderless(cluster: Cluster, partition: number, times: number): Cluster & { readonly asked: number } {
  let asked = 0;
  let known: TopicMetadata | null | undefined;
  const refresh = async (name: string) => {
    const found = await cluster.refresh(name);
    asked += 1;
    const leaders = found?.leaders.map((leader, i) => (i === partition && asked <= times ? null : leader)) ?? [];
    return (known = found === null ? null : { ...found, leaders });
  };
  return {
    ...cluster,
    get asked() {
      return asked;
    },
    refresh,
    topic: async (name) => (known === undefined ? refresh(name) : known),
  };
}

test("a partition without a leader is looked for until it has one, while the others go on; then nobody asks any more", async (t) => {
  const world = topicWorld(t, brokers, 2);
  const logs = randomLogs(random(8), { partitions: 2, orders: 20, customers: 3, orderEvents: 80, customerEvents: 0 });
  const worker = world.open();
  const projection = await world.feed(worker);
  await applyAll(
    projection,
    "orders",
    logs.orders.map((events) => events.slice(0, 20)),
    10,
  );
  const cluster = leaderless(worker.cluster, 1, 4);
  const { topicId } = (await worker.cluster.refresh(world.topic))!;
  const place = { view: view.name, version: view.version, generation: 1, log: "orders", topic: world.topic, topicId };
  const positions = [0, 0];
  const changed = wake();
  const stop = new AbortController();
  const following = followTopic(
    cluster,
    place,
    new Map([
      [0, 0],
      [1, 0],
    ]),
    stop.signal,
    {
      sinkOf: (partition) => ({ document: () => undefined, checkpoint: ({ position }) => void (positions[partition] = position) }),
      onRead: () => changed.signal(),
    },
  );
  t.after(() => stop.abort());
  const reach = async (wanted: readonly number[]): Promise<void> => {
    for (;;) {
      const ticket = changed.ticket();
      if (wanted.every((position, partition) => positions[partition]! >= position)) return;
      assert.ok(
        await Promise.race([
          changed.after(ticket, { maxWaitMs: 20_000 }).then(() => changed.ticket() !== ticket),
          following.then(() => false),
        ]),
      );
    }
  };
  await reach([20, 20]);
  const { asked } = cluster;
  assert.ok(asked > 4, `asked ${asked} times`);
  await applyAll(projection, "orders", logs.orders, 10);
  await reach(logs.orders.map((events) => events.length));
  assert.equal(cluster.asked, asked);
  stop.abort();
  await following;
});

test("where looking for a leader finds another topic of the name, it is refused by name", async (t) => {
  const world = topicWorld(t, brokers, 2);
  const worker = world.open();
  await world.feed(worker);
  const { topicId } = (await worker.cluster.refresh(world.topic))!;
  const hidden = leaderless(worker.cluster, 1, 1);
  const exchanged: Cluster = {
    ...hidden,
    async refresh(name) {
      const found = await hidden.refresh(name);
      return found === null || found.leaders.includes(null) ? found : { ...found, topicId: "another" };
    },
  };
  await hidden.refresh(world.topic);
  const place = { view: view.name, version: view.version, generation: 1, log: "orders", topic: world.topic, topicId };
  const sink = { document: () => undefined, checkpoint: () => undefined };
  const following = followTopic(
    exchanged,
    place,
    new Map([
      [0, 0],
      [1, 0],
    ]),
    AbortSignal.timeout(20_000),
    { sinkOf: () => sink, onRead: () => undefined },
  );
  await assert.rejects(following, { code: "VIEW_STORE_DIVERGED" });
});
