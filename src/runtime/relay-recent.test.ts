/** A relay beside the appends of its own process: what it need not read back, and when it must (I2, I3). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually, range, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { faults, memoryEventStore } from "../memory/index.ts";
import type { Relay } from "./relay.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const added = (streams: readonly string[], each: number) => turns(streams, each, "Added", { productId: "p", quantity: 1 });

/** The world appends by the store that the relay has, and counts its reads. */
async function setUp(t: TestContext, options: Parameters<World["relay"]>[0] = {}) {
  const hooks = faults();
  const w = await world();
  const store = memoryEventStore(w.write, { faults: hooks });
  const reads: number[][] = [];
  hooks.before("read", ({ from }) => void reads.push(from.map(({ partition }) => partition)));
  const own: World = { ...w, store };
  const relay = w.relay({ store, ...options });
  t.after(() => relay.stop());
  return { w: own, hooks, store, reads, relay };
}
const relayed = (w: World, expected: readonly [number, number]) =>
  eventually(`relayed up to ${expected.join()}`, () => [0, 1].every((p) => w.topicPositions(p).length >= expected[p]!));
const running = (relay: Relay) => eventually("it runs", () => relay.state().state === "running");

let count = 0;
/** One event, by `store`; announced unless told otherwise. */
async function append(w: World, store: World["store"], stream: string, { tell = true } = {}): Promise<void> {
  const partition = stream === a ? 0 : 1;
  const version = w.write.log("orders").streams.get(stream)?.length ?? 0;
  const id = `own-${++count}`;
  const metadata = JSON.stringify({ time: "2026-01-01T00:00:00.000Z", commandId: id, correlationId: id, causationId: id });
  const [outcome] = await store.append(store.laneOf("orders", partition), [
    {
      id,
      fingerprint: id,
      log: "orders",
      partition,
      stream,
      baseVersion: version,
      expectedVersion: version,
      ifMatch: false,
      kind: "events",
      answer: "{}",
      events: [{ id, type: "Added", schemaVersion: 1, data: `{ "quantity":  ${count} }`, metadata }],
    },
  ]);
  assert.equal(outcome?.status, "appended");
  if (tell) store.announce("orders", [{ partition, position: w.head(partition) }]);
}
/** What the topic holds is what the store holds: every event once, in order, byte for byte. */
const assertCopied = (w: World): void => {
  for (const partition of [0, 1]) {
    const records = w.broker.topics.get("orders")!.partitions[partition]!.from(0);
    assert.deepEqual(
      records.map(({ event }) => event),
      w.write.log("orders").partitions[partition],
    );
  }
};

test("what its own process appends goes on its way without a read", async (t) => {
  const { w, store, reads, relay } = await setUp(t);
  await running(relay);
  await eventually("it has looked", () => reads.length > 0);
  await append(w, store, a);
  await append(w, store, b);
  await relayed(w, [1, 1]);
  const before = reads.length;
  for (const round of range(2, 30)) {
    await append(w, store, a);
    await append(w, store, b);
    if (round % 3 === 0) await relayed(w, [round, round]);
  }
  await relayed(w, [30, 30]);
  assert.equal(reads.length, before);
  assertCopied(w);
});

test("another process's events between are read from the store, and the order stays", async (t) => {
  const { w, store, relay } = await setUp(t);
  const other = memoryEventStore(w.write);
  await running(relay);
  for (const round of range(1, 60)) await append(w, round % 7 < 3 ? other : store, round % 5 < 3 ? a : b, { tell: round % 4 > 0 });
  await append(w, store, a);
  await append(w, store, b);
  await relayed(w, [w.head(0), w.head(1)]);
  assertCopied(w);
});

test("an append whose outcome is not known makes a hole: the next one of the process has both carried", async (t) => {
  const { w, hooks, store, relay } = await setUp(t);
  await running(relay);
  await append(w, store, a);
  await relayed(w, [1, 0]);
  hooks.fail("append", { when: "after" });
  await assert.rejects(append(w, store, a));
  assert.equal(w.head(0), 2);
  await append(w, store, a);
  await relayed(w, [3, 0]);
  assertCopied(w);
});

test("a repeat that is announced, and was stored by another process, is read", async (t) => {
  const { w, store, relay } = await setUp(t);
  const other = memoryEventStore(w.write);
  await running(relay);
  await append(w, store, a);
  await relayed(w, [1, 0]);
  await append(w, other, a, { tell: false });
  store.announce("orders", [{ partition: 0, position: 2 }]);
  await relayed(w, [2, 0]);
  assertCopied(w);
});

test("after a lost connection the store is read first: another event where the last one was is a divergence", async (t) => {
  const { w, store, relay } = await setUp(t);
  await running(relay);
  for (const _ of range(1, 4)) await append(w, store, a);
  await relayed(w, [4, 0]);
  w.write.putBack("orders", 0, 2);
  store.loseConnections();
  for (const _ of range(1, 3)) await append(w, store, a);
  await eventually("it refuses", () => relay.state().state === "diverged");
  assert.deepEqual(w.topicPositions(0), range(1, 4), "nothing of the other history was sent");
});

test("a send that fails: what was appended meanwhile goes after the tail was read, once and in order", async (t) => {
  const writing = faults();
  const { w, store, relay } = await setUp(t, { writer: { faults: writing } });
  await running(relay);
  await append(w, store, a);
  await relayed(w, [1, 0]);
  const tail = writing.hold("tails", ({ partitions }) => partitions.length === 1);
  writing.fail("send", { when: "after", matches: ({ partition }) => partition === 0 });
  await append(w, store, a);
  await tail.reached;
  for (const _ of range(1, 3)) await append(w, store, a);
  await append(w, store, b);
  await relayed(w, [2, 1]);
  tail.release();
  await relayed(w, [5, 1]);
  assertCopied(w);
});

test("a relay that starts again begins from the tail and the store, though its process holds what comes next", async (t) => {
  const { w, store, reads, relay } = await setUp(t);
  await running(relay);
  await append(w, store, a);
  await relayed(w, [1, 0]);
  await relay.stop();
  await w.append(added([a], 1));
  for (const _ of range(1, 3)) await append(w, store, a);
  const before = reads.length;
  const second = w.relay({ store });
  t.after(() => second.stop());
  await relayed(w, [4, 0]);
  assert.ok(reads.length > before);
  assertCopied(w);
});

test("a slow partition takes nothing from the others' own events", async (t) => {
  const writing = faults();
  const slow = writing.hold("send", ({ partition }) => partition === 0);
  const { w, store, relay } = await setUp(t, { writer: { faults: writing } });
  await running(relay);
  await append(w, store, a);
  await slow.reached;
  for (const round of range(1, 5)) {
    await append(w, store, a);
    await append(w, store, b);
    await relayed(w, [0, round]);
  }
  assert.deepEqual(w.topicPositions(0), []);
  slow.release();
  await relayed(w, [6, 5]);
  assertCopied(w);
});

test("a store that came back without what was not relayed yet: the relay reads it once, and rests", async (t) => {
  const writing = faults();
  const { w, store, reads, relay } = await setUp(t, { writer: { faults: writing } });
  await running(relay);
  await append(w, store, a);
  await relayed(w, [1, 0]);
  const held = writing.hold("send", ({ partition }) => partition === 0);
  await append(w, store, a);
  await held.reached;
  for (let i = 0; i < 4; i++) await append(w, store, a);
  w.write.putBack("orders", 0, 2);
  store.loseConnections();
  held.release();
  await relayed(w, [2, 0]);
  const before = reads.length;
  // more turns than an endless series of reads would need to show
  for (let turn = 0; turn < 2_000; turn++) await new Promise(setImmediate);
  assert.ok(reads.length - before <= 3, `${reads.length - before} reads`);
  await append(w, store, a);
  await relayed(w, [3, 0]);
  assertCopied(w);
});
