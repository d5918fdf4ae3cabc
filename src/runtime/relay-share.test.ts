/** Relays of one log share its partitions. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { eventually, range, recordingLogger, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { takeNext } from "../core/sequence.ts";
import { faults } from "../memory/index.ts";
import type { Relay } from "./relay.ts";

const partitions = 6;
const streams = streamsOf(partitions).flat();
const added = (each: number, of: readonly string[] = streams) => turns(of, each, "Added", { productId: "p", quantity: 1 });

function stopping<R extends Relay>(t: TestContext, relay: R): R {
  t.after(() => relay.stop());
  return relay;
}

const shares = (...relays: readonly Relay[]) => relays.map((relay) => relay.state().partitions.length);
/** All served, by one each. */
const shared = (relays: readonly Relay[], expected: readonly number[]) =>
  eventually(`shares ${expected.join()}`, () => {
    const all = relays.flatMap((relay) => relay.state().partitions);
    return new Set(all).size === partitions && all.length === partitions && shares(...relays).join() === expected.join();
  });
/** What a reader takes, duplicates skipped: a gap or an event out of order throws. */
const carried = (w: World, partition: number) => {
  const positions = w.topicPositions(partition).map((position) => ({ position, id: String(position) }));
  return takeNext({ log: "orders", partition, position: 0, eventId: null }, positions).length;
};
const allCarried = (w: World) =>
  eventually("everything is relayed", () => range(0, partitions - 1).every((partition) => carried(w, partition) === w.head(partition)));

test("relays that come and go share the partitions; each event is relayed once", async (t) => {
  const w = await world({ partitions });
  const first = stopping(t, w.relay({ batch: 5 }));
  await shared([first], [6]);
  await w.append(added(10));
  const second = stopping(t, w.relay({ batch: 5 }));
  await shared([first, second], [3, 3]);
  await w.append(added(10));
  const third = stopping(t, w.relay({ batch: 5 }));
  await shared([first, second, third], [2, 2, 2]);
  await w.append(added(10));
  await second.stop();
  assert.deepEqual(second.state().partitions, []);
  await shared([first, third], [3, 3]);
  await w.append(added(10));
  await first.stop();
  await shared([third], [6]);
  await w.append(added(10));
  await allCarried(w);
  for (const partition of range(0, partitions - 1)) assert.deepEqual(w.topicPositions(partition), range(1, 50), "no duplicates either");
});

test("more relays than partitions: those without one wait", async (t) => {
  const w = await world();
  const relays = range(1, 3).map(() => stopping(t, w.relay()));
  await eventually(
    "two serve one each",
    () =>
      shares(...relays)
        .toSorted((x, y) => x - y)
        .join() === "0,1,1",
  );
  assert.deepEqual(relays.map((relay) => relay.state().state).toSorted(), ["running", "running", "waiting"]);
  const waiting = relays.find((relay) => relay.state().state === "waiting")!;
  await relays.find((relay) => relay !== waiting)!.stop();
  await eventually("it has its turn", () => shares(waiting)[0] === 1);
  assert.equal(waiting.state().state, "running");
});

test("a partition is given back only after its send has ended, and the others go on meanwhile", async (t) => {
  const w = await world();
  const [[a], [b]] = streamsOf(2) as [[string], [string]];
  const hooks = faults();
  const held = hooks.hold("send", ({ partition }) => partition === 1);
  t.after(() => held.release());
  const first = stopping(t, w.relay({ writer: { faults: hooks } }));
  await eventually("it serves both", () => shares(first)[0] === 2);
  await w.append(added(3, [a, b]));
  await held.reached;
  const second = stopping(t, w.relay());
  for (const more of range(1, 3)) {
    await w.append(added(1, [a, b]));
    await eventually("the kept partition goes on", () => w.topicPositions(0).length === 3 + more);
  }
  assert.deepEqual(
    [first, second].map((relay) => relay.state().state),
    ["running", "waiting"],
  );
  assert.deepEqual(w.topicPositions(1), []);
  held.release();
  await eventually("it is given back", () => second.state().partitions.join() === "1");
  await w.append(added(1, [a, b]));
  await eventually("all is relayed", () => w.topicPositions(1).length === 7);
  assert.deepEqual(w.topicPositions(1), range(1, 7), "sent once, in order");
  assert.deepEqual(first.state().partitions, [0]);
});

test("a partition is given back while its tail cannot be read", async (t) => {
  const w = await world();
  const hooks = faults();
  const first = stopping(t, w.relay({ writer: { faults: hooks } }));
  await eventually("it serves both", () => shares(first)[0] === 2);
  hooks.fail("tails", { times: Number.POSITIVE_INFINITY });
  hooks.fail("send", { matches: ({ partition }) => partition === 1 });
  await w.append(added(2, streamsOf(2)[1]));
  const second = stopping(t, w.relay());
  await eventually("the other one relays it", () => w.topicPositions(1).length === 2);
  assert.deepEqual(second.state().partitions, [1]);
});

for (const [how, end] of [
  ["its process dies", (relay: ReturnType<World["relay"]>) => relay.store.kill()],
  ["its locks are lost", (relay: ReturnType<World["relay"]>) => relay.store.database.ownership.loseShare("relay orders")],
] as const) {
  test(`others take over when ${how}`, async (t) => {
    const w = await world({ partitions });
    const first = stopping(t, w.relay());
    await shared([first], [6]);
    const others = [stopping(t, w.relay()), stopping(t, w.relay())];
    await shared([first, ...others], [2, 2, 2]);
    await w.append(added(3));
    await allCarried(w);
    end(first);
    await eventually("the others serve what it had", () => {
      const served = new Set([...others, first].flatMap((relay) => relay.state().partitions));
      return served.size === partitions;
    });
    await w.append(added(3));
    await allCarried(w);
    for (const partition of range(0, partitions - 1)) assert.deepEqual(w.topicPositions(partition), range(1, 6));
  });
}

test("one partition that diverged stops its relay, and then each that takes it over", async (t) => {
  const w = await world();
  const [[a], [b]] = streamsOf(2) as [[string], [string]];
  const relays = [stopping(t, w.relay()), stopping(t, w.relay())];
  await eventually("each serves one", () => shares(...relays).join() === "1,1");
  await w.append(added(5, [a, b]));
  await eventually("all is relayed", () => [0, 1].every((partition) => w.topicPositions(partition).length === 5));
  w.write.putBack("orders", 0, 2);
  w.store.announce("orders", []);
  await eventually("both refuse", () => relays.every((relay) => relay.state().state === "diverged"));
  await w.append(added(1, [b]));
  assert.deepEqual(w.topicPositions(0), range(1, 5));
});

test("a relay that begins looks at partitions that others serve too: one that diverged anywhere is refused before anything is sent", async (t) => {
  const w = await world();
  const [[a], [b]] = streamsOf(2) as [[string], [string]];
  const before = w.relay();
  await w.append(added(5, [a, b]));
  await eventually("all is relayed", () => before.state().relayed.join() === "5,5");
  await before.stop();
  const stop = new AbortController();
  let kept: readonly number[] = [];
  const other = w.store.shareOwnership("relay orders", 2, stop.signal, async (share) => {
    const giveBack = () => {
      for (const partition of share.leaving) share.release(partition);
      kept = share.parts;
    };
    share.onChange(giveBack);
    giveBack();
    await new Promise((resolve) => share.lost.addEventListener("abort", resolve, { once: true }));
  });
  t.after(async () => {
    stop.abort();
    await other;
  });
  await eventually("the other has both", () => kept.length === 2);
  const waiting = faults();
  const opened = waiting.hold("tails");
  t.after(() => opened.release());
  const relay = stopping(t, w.relay({ writer: { faults: waiting } }));
  assert.equal((await opened.reached).partitions.length, 2);
  assert.equal(kept.length, 1, "one partition each");
  w.write.putBack("orders", kept[0]!, 2);
  await w.append(added(1, [a, b]));
  opened.release();
  await eventually("it refuses", () => relay.state().state === "diverged");
  for (const partition of [0, 1]) assert.deepEqual(w.topicPositions(partition), range(1, 5));
});

test("while shares move under load no event is skipped and none comes before an earlier one", async (t) => {
  const w = await world({ partitions });
  const logger = recordingLogger();
  const running: ReturnType<World["relay"]>[] = [];
  t.after(() => Promise.all(running.map((relay) => relay.stop())));
  for (let round = 0; round < 30; round++) {
    const hooks = faults();
    hooks.fail("send", { when: round % 2 === 0 ? "after" : "before", matches: ({ partition }) => partition === round % partitions });
    running.push(w.relay({ batch: 3, logger, writer: { faults: hooks } }));
    await w.append(added(3));
    if (running.length > 3) {
      const [gone] = running.splice(round % running.length, 1);
      if (round % 3 === 0) gone!.store.kill();
      else if (round % 3 === 1) w.write.ownership.loseShare("relay orders");
      await gone!.stop();
    }
    await w.append(added(2));
  }
  await allCarried(w);
  for (const partition of range(0, partitions - 1)) assert.equal(carried(w, partition), 150);
});
