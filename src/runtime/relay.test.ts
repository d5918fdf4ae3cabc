import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually, range, recordingLogger, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { takeNext } from "../core/sequence.ts";
import { TidemarkError } from "../errors.ts";
import { faults, memoryEventStore, writeDatabase } from "../memory/index.ts";
import type { Relay } from "./relay.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const added = (streams: readonly string[], each: number) => turns(streams, each, "Added", { productId: "p", quantity: 1 });

function stopping<R extends Relay>(t: TestContext, relay: R): R {
  t.after(() => relay.stop());
  return relay;
}

const carried = (w: World, partition: number, log?: string) => {
  const positions = w.topicPositions(partition, log).map((position) => ({ position, id: String(position) }));
  return takeNext({ log: "orders", partition, position: 0, eventId: null }, positions).map((event) => event.position);
};
const allCarried = (w: World) =>
  eventually("everything is relayed", () => [0, 1].every((partition) => carried(w, partition).length === w.head(partition)));
const diverged = (relay: Relay) => eventually("the relay refuses", () => relay.state().state === "diverged");

test("carries every event once, in the order of its partition, under the log's id", async (t) => {
  const w = await world();
  await w.append(added([a, b], 40));
  const relay = stopping(t, w.relay({ batch: 7 }));
  await allCarried(w);
  await w.append(added([b, a], 10));
  await allCarried(w);
  for (const partition of [0, 1]) assert.deepEqual(w.topicPositions(partition), range(1, 50));
  const record = w.broker.topics.get("orders")!.partitions[0]!.from(0)[3]!;
  assert.deepEqual(record.event, w.write.log("orders").partitions[0]![3]);
  assert.equal(record.logId, w.identity.logId);
  await eventually("acknowledgements are seen", () => relay.state().relayed.join() === "50,50");
  assert.deepEqual({ ...relay.state() }, { state: "running", problem: null, relayed: [50, 50], partitions: [0, 1] });
});

test("keeps one send in flight per partition, and a slow partition holds up no other", async (t) => {
  const w = await world();
  const hooks = faults();
  const slow = hooks.hold("send", ({ partition }) => partition === 0);
  await w.append(added([a, b], 3));
  const relay = stopping(t, w.relay({ writer: { faults: hooks } }));
  await slow.reached;
  for (const more of range(1, 3)) {
    await w.append(added([a, b], 1));
    await eventually("the other partition goes on", () => w.topicPositions(1).length === 3 + more);
  }
  assert.deepEqual(w.topicPositions(0), []);
  slow.release();
  await allCarried(w);
  assert.deepEqual(w.topicPositions(0), range(1, 6), "sent once, in order");
  assert.equal(relay.state().state, "running");
});

for (const when of ["before", "after"] as const) {
  test(`a send that fails ${when} it was written: that partition reads the tail again, the others go on, no gap comes about`, async (t) => {
    const w = await world();
    const hooks = faults();
    const logger = recordingLogger();
    await w.append(added([a, b], 2));
    const relay = stopping(t, w.relay({ writer: { faults: hooks }, logger }));
    await allCarried(w);
    const tail = hooks.hold("tails", ({ partitions }) => partitions.length === 1);
    hooks.fail("send", { when, matches: ({ partition }) => partition === 0 });
    await w.append(added([a, b], 3));
    assert.deepEqual((await tail.reached).partitions, [0], "only the failed one is looked at again");
    await w.append(added([a, b], 4));
    await eventually("the other partition goes on", () => w.topicPositions(1).length === w.head(1));
    const before = w.topicPositions(0);
    tail.release();
    await allCarried(w);
    assert.deepEqual(carried(w, 0), range(1, 9));
    assert.deepEqual(
      w.topicPositions(0),
      [...before, ...range(before.length + 1, 9)],
      "nothing is sent twice, as the tail told what was written",
    );
    assert.deepEqual(w.topicPositions(1), range(1, 9));
    assert.equal(relay.state().state, "running");
    assert.ok(logger.has("partition 0 was not sent"));
  });
}

test("a partition that refuses every send is tried with growing pauses", async (t) => {
  const w = await world();
  const hooks = faults();
  const at: number[] = [];
  hooks.before("send", () => void at.push(performance.now()));
  hooks.fail("send", { times: 5 });
  await w.append(added([a], 1));
  stopping(t, w.relay({ writer: { faults: hooks } }));
  await allCarried(w);
  assert.equal(at.length, 6);
  assert.ok(at[5]! - at[0]! >= 50 + 100 + 200 + 400 - 50, `six sends in ${at[5]! - at[0]!} ms`);
});

test("a relay that starts again goes on from Kafka's tail, without duplicates", async (t) => {
  const w = await world();
  await w.append(added([a, b], 5));
  const first = w.relay();
  await allCarried(w);
  await first.stop();
  assert.equal(first.state().state, "stopped");
  await w.append(added([a, b], 5));
  assert.equal(w.topicPositions(0).length, 5);
  stopping(t, w.relay());
  await allCarried(w);
  for (const partition of [0, 1]) assert.deepEqual(w.topicPositions(partition), range(1, 10));
});

test("a tail read too low costs duplicates, never a gap", async (t) => {
  const w = await world();
  await w.append(added([a, b], 8));
  w.publish(0, [...range(1, 8), 2, 3]);
  stopping(t, w.relay({ writer: { tailRecords: 2 } }));
  await allCarried(w);
  assert.deepEqual(w.topicPositions(0), [...range(1, 8), 2, 3, ...range(4, 8)]);
});

test("a second relay beside the first only adds duplicates", async (t) => {
  const w = await world();
  const hooks = [faults(), faults()];
  const relays = hooks.map((own) => stopping(t, w.relay({ exclusive: false, writer: { faults: own }, batch: 3 })));
  for (const own of hooks) own.fail("send", { when: "after", times: 2 });
  for (let i = 0; i < 10; i++) await w.append(added([a, b], 3));
  await allCarried(w);
  assert.ok(relays.every((relay) => relay.state().state === "running"));
  for (const partition of [0, 1]) assert.deepEqual(carried(w, partition), range(1, 30));
});

test("a topic emptied by retention: goes on from what was written down", async (t) => {
  const w = await world();
  await w.append(added([a, b], 5));
  const first = w.relay();
  await allCarried(w);
  await first.stop();
  const partition = w.broker.topics.get("orders")!.partitions[0]!;
  partition.trim(partition.end);
  await w.append(added([a], 2));
  stopping(t, w.relay());
  await eventually("the new ones are relayed", () => w.topicPositions(0).length === 2);
  assert.deepEqual(w.topicPositions(0), [6, 7]);
});

/** A relay that ran over five events of each partition and stopped. */
async function relayed(): Promise<World> {
  const w = await world();
  await w.append(added([a, b], 5));
  const first = w.relay();
  await allCarried(w);
  await first.stop();
  return w;
}

test("refuses a topic that was lost, and does not make it anew", async (t) => {
  const w = await relayed();
  w.broker.drop("orders");
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /orders-events is gone, positions were relayed to it/);
  assert.equal(w.broker.topics.has("orders"), false);
});

test("refuses a topic of another id, though it holds the same records", async (t) => {
  const w = await relayed();
  w.broker.drop("orders");
  for (const partition of [0, 1]) w.publish(partition, range(1, 5));
  await w.append(added([a], 1));
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /its topic has the id topic-2, positions were relayed to topic-1/);
  assert.deepEqual(w.topicPositions(0), range(1, 5));
});

test("refuses a topic that lost its records under the same id", async (t) => {
  const w = await relayed();
  await w.store.recordRelayed("orders", [
    { partition: 0, position: 5, topicId: "topic-2" },
    { partition: 1, position: 5, topicId: "topic-2" },
  ]);
  w.broker.drop("orders");
  w.broker.ensure("orders", 2);
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /is empty, 5 positions were relayed/);
});

test("refuses a topic that was replaced while it ran", async (t) => {
  const w = await world();
  const relay = stopping(t, w.relay());
  await w.append(added([a, b], 5));
  await allCarried(w);
  w.broker.drop("orders");
  w.broker.ensure("orders", 2);
  await w.append(added([a], 1));
  await diverged(relay);
  assert.deepEqual(w.topicPositions(0), []);
});

test("refuses a topic whose tail is ahead of the store", async (t) => {
  const w = await relayed();
  w.write.putBack("orders", 1, 3);
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /partition 1 was relayed up to position 5, the write store ends at 3/);
});

test("refuses a store that was put back and went on: another event at the tail", async (t) => {
  const w = await relayed();
  w.write.putBack("orders", 0, 3);
  await w.append(added([a], 4));
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /holds event orders-\d+ at position 5, where orders-\d+ was read before/);
  assert.deepEqual(w.topicPositions(0), range(1, 5));
});

test("notices a store that is put back while it runs", async (t) => {
  for (const more of [0, 5]) {
    const w = await world();
    const relay = stopping(t, w.relay());
    await w.append(added([a, b], 5));
    await allCarried(w);
    w.write.putBack("orders", 0, 2);
    await w.append(added([a], more));
    await w.append(added([b], 1));
    await diverged(relay);
    assert.deepEqual(w.topicPositions(0), range(1, 5));
  }
});

test("refuses a topic with foreign records, or with records of another log id", async (t) => {
  for (const [logId, problem] of [
    [null, /was not written by Tidemark/],
    [writeDatabase(9).nextLogId(), /is of log id/],
  ] as const) {
    const w = await world();
    await w.append(added([a, b], 1));
    const other = w.write.log("orders").partitions[0]![0]!;
    w.broker.ensure("orders", 2).partitions[0]!.append(logId, [other]);
    const relay = stopping(t, w.relay());
    await diverged(relay);
    assert.match(relay.state().problem!, problem);
    assert.deepEqual(w.topicPositions(1), []);
  }
});

test("refuses a topic that takes smaller records than events may be", async (t) => {
  const w = await world();
  w.broker.ensure("orders", 2).maxRecordBytes = 999;
  const relay = stopping(t, w.relay());
  await diverged(relay);
  assert.match(relay.state().problem!, /max.message.bytes of the topic of log 'orders'.* 999 bytes/);
});

test("says what a topic's settings lack", async (t) => {
  const w = await world();
  const logger = recordingLogger();
  w.broker.ensure("orders", 2).weaknesses = ["retention.ms is a week"];
  const relay = stopping(t, w.relay({ logger }));
  await eventually("it runs", () => relay.state().state === "running");
  assert.ok(logger.has("retention.ms is a week"));
});

test("the old owner that comes back to life after a takeover writes duplicates at most", async (t) => {
  const w = await world();
  const hooks = faults();
  const zombie = hooks.hold("send", ({ partition }) => partition === 0);
  t.after(() => zombie.release());
  const first = stopping(t, w.relay({ writer: { faults: hooks } }));
  await eventually("the first runs", () => first.state().state === "running");
  await w.append(added([a, b], 3));
  await zombie.reached;
  const second = stopping(t, w.relay());
  w.write.ownership.loseShare("relay orders");
  await eventually("the second serves all", () => second.state().partitions.join() === "0,1");
  await w.append(added([a, b], 3));
  await allCarried(w);
  zombie.release();
  await eventually("the zombie has written", () => w.topicPositions(0).length > 6);
  assert.deepEqual(carried(w, 0), range(1, 6));
  await w.append(added([a], 1));
  await allCarried(w);
});

test("an announcement during a read is not lost", async (t) => {
  const w = await world();
  const hooks = faults();
  const store = memoryEventStore(w.write, { faults: hooks });
  await w.append(added([a], 1));
  const relay = stopping(t, w.relay({ store }));
  await allCarried(w);
  // the answer of this read is there, but not told yet, when the next event comes
  const answered = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const remove = hooks.after("read", () => {
    remove();
    answered.resolve();
    return going.promise;
  });
  w.store.announce("orders", []);
  await answered.promise;
  await w.append(added([a], 1));
  going.resolve();
  await eventually("it is relayed without the slow poll", () => w.topicPositions(0).length === 2, 3_000);
  assert.equal(relay.state().state, "running");
});

test("a store that is down for a while is tried again, from the tail", async (t) => {
  const w = await world();
  const hooks = faults();
  const logger = recordingLogger();
  const relay = stopping(t, w.relay({ store: memoryEventStore(w.write, { faults: hooks }), logger }));
  await w.append(added([a, b], 2));
  await allCarried(w);
  hooks.fail("read", { times: 2 });
  hooks.fail("heads", { times: 1, error: new TidemarkError("UNAVAILABLE", { what: "PostgreSQL" }) });
  await w.append(added([a, b], 2));
  await allCarried(w);
  await eventually("it runs", () => relay.state().state === "running");
  assert.ok(logger.has("is interrupted and tries again"));
  for (const partition of [0, 1]) assert.deepEqual(w.topicPositions(partition), range(1, 4));
});

test("stopping waits for what is in flight", async () => {
  const w = await world();
  const hooks = faults();
  const held = hooks.hold("send");
  await w.append(added([a], 1));
  const relay = w.relay({ writer: { faults: hooks } });
  await held.reached;
  const stopped = relay.stop();
  held.release();
  await stopped;
  assert.deepEqual(w.topicPositions(0), [1]);
  assert.deepEqual(await w.store.relayed("orders"), [
    { partition: 0, position: 1, topicId: "topic-1" },
    { partition: 1, position: 0, topicId: "topic-1" },
  ]);
});
