import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { eventually, range, recordingLogger, stored, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { orders, productStats } from "../../test/view-domain.ts";
import type { AnyView } from "../core/definition.ts";
import { view } from "../core/view.ts";
import { faults, freshFold, type Faults } from "../memory/index.ts";
import { memoryViewStore } from "../memory/view-store.ts";
import { feed, type Feed } from "./feed.ts";
import type { Checkpoint } from "./ports.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const added = (streams: readonly string[], each: number) => turns(streams, each, "Added", { productId: "p", quantity: 1 });
const partitions = new Map([["orders", 2]]);

interface Fed {
  readonly feed: Feed;
  readonly applied: Checkpoint[];
  readonly logger: ReturnType<typeof recordingLogger>;
  position(partition: number): number | undefined;
  failure(partition: number): string | undefined;
}

/** A feed of generation 1 over both partitions. */
async function fed(
  t: TestContext,
  w: World,
  options: { readonly view?: AnyView; readonly storeFaults?: Faults; readonly logFaults?: Faults; readonly only?: readonly number[] } = {},
): Promise<Fed> {
  const store = memoryViewStore(w.read, options.storeFaults === undefined ? {} : { faults: options.storeFaults });
  const definition = options.view ?? productStats;
  await store.ensure(definition);
  const projection = store.projection(definition, 1);
  const checkpoints = await projection.checkpoints(partitions);
  const applied: Checkpoint[] = [];
  const logger = recordingLogger();
  const reader = await w.transport(options.logFaults === undefined ? {} : { faults: options.logFaults }).reader("orders");
  const own = feed({ projection, log: "orders", reader, logger, onApplied: (checkpoint) => applied.push(checkpoint) });
  t.after(() => own.stop());
  own.assign(checkpoints.filter((c) => options.only?.includes(c.partition) ?? true));
  const of = (partition: number) => own.partitions().find((p) => p.partition === partition);
  return {
    feed: own,
    applied,
    logger,
    position: (partition) => of(partition)?.position,
    failure: (partition) => of(partition)?.failure?.problem,
  };
}

const reaches = (f: Fed, positions: readonly number[]) =>
  eventually(`positions ${positions.join()}`, () => positions.every((position, partition) => f.position(partition) === position));

async function checkFold(w: World, definition: AnyView = productStats): Promise<void> {
  const expected = freshFold(definition, w.events());
  assert.ok(expected.size > 0);
  assert.deepEqual(await stored(w.views(), definition, 1, expected.keys()), expected);
}

async function written(each: number): Promise<World> {
  const w = await world();
  await w.append(added([a, b], each));
  w.broker.ensure("orders", 2);
  return w;
}

test("applies every event once, though the log holds duplicates", async (t) => {
  const w = await written(6);
  w.publish(0, [1, 2, 1, 2, 3, 3, 4, 2, 5, 6, 1]);
  const f = await fed(t, w);
  await eventually("the first partition is done", () => f.position(0) === 6);
  for (const position of range(1, 6)) w.publish(1, [position, Math.max(1, position - 1)]);
  await reaches(f, [6, 6]);
  await checkFold(w);
});

test("a gap stops its partition, after what came before it was applied, and no other", async (t) => {
  const w = await written(6);
  w.publish(0, [1, 2, 3, 5, 6]);
  const f = await fed(t, w);
  await eventually("it stands", () => f.failure(0) !== undefined);
  w.publish(1, range(1, 6));
  await reaches(f, [3, 6]);
  assert.match(f.failure(0)!, /expected position 4, found 5/);
  const [status] = await w.views().status([productStats]);
  await eventually("it is written down", async () => (await w.views().status([productStats]))[0]!.generations[0]!.failures.length === 1);
  assert.equal(status!.generations[0]!.failures.at(0)?.position ?? 4, 4);
  assert.ok(f.logger.has("partition 0 stands still"));
});

test("what was fetched before a gap and still waits is applied before the partition stands", async (t) => {
  const w = await written(6);
  const hooks = faults();
  const held = hooks.hold("apply");
  w.publish(0, [1]);
  const f = await fed(t, w, { storeFaults: hooks, only: [0] });
  await held.reached;
  w.publish(0, [2, 3, 5]);
  held.release();
  await eventually("it stands", () => f.failure(0) !== undefined);
  assert.equal(f.position(0), 3);
  assert.match(f.failure(0)!, /expected position 4, found 5/);
});

test("a record of another log id, and another event at the last position, stop the partition", async (t) => {
  const w = await written(4);
  const other = { ...w.write.log("orders").partitions[1]![1]!, id: "another" };
  w.publish(0, [1, 2]);
  w.publish(1, [1, 2]);
  const f = await fed(t, w);
  await reaches(f, [2, 2]);
  w.broker.topics.get("orders")!.partitions[1]!.append(w.identity.logId, [other]);
  await eventually("the second stands", () => f.failure(1) !== undefined);
  assert.match(f.failure(1)!, /event another at position 2/);
  w.publish(0, [3]);
  await eventually("the first goes on", () => f.position(0) === 3);
  w.broker.topics.get("orders")!.partitions[0]!.append("00000000-0000-4000-8000-00000000ffff", [w.write.log("orders").partitions[0]![3]!]);
  await eventually("the first stands", () => f.failure(0) !== undefined);
  assert.match(f.failure(0)!, /is of log id/);
});

test("a lost compare-and-set: the checkpoint is read again, nothing is applied twice", async (t) => {
  const w = await written(6);
  const hooks = faults();
  const held = hooks.hold("apply", ({ from }) => from.partition === 0);
  for (const partition of [0, 1]) w.publish(partition, range(1, 4));
  const slow = await fed(t, w, { storeFaults: hooks });
  await held.reached;
  const other = await fed(t, w);
  await reaches(other, [4, 4]);
  held.release();
  await reaches(slow, [4, 4]);
  assert.deepEqual(
    slow.applied.filter((c) => c.partition === 0),
    [],
    "its own batch was refused",
  );
  await other.feed.stop();
  for (const partition of [0, 1]) w.publish(partition, [5, 6]);
  await reaches(slow, [6, 6]);
  await checkFold(w);
});

test("two feeds on the same partitions cost work, and no wrong row", async (t) => {
  const w = await written(60);
  const both = [await fed(t, w), await fed(t, w)];
  for (const position of range(1, 60)) for (const partition of [0, 1]) w.publish(partition, [position]);
  await eventually("both are done", () => both.every((f) => f.position(0) === 60 && f.position(1) === 60));
  assert.ok(both.every((f) => f.failure(0) === undefined && f.failure(1) === undefined));
  const moves = both
    .flatMap((f) => f.applied)
    .filter((c) => c.partition === 0)
    .map((c) => c.position);
  assert.equal(new Set(moves).size, moves.length, "no position was moved to twice");
  await checkFold(w);
});

const brittle = view(
  "brittle",
  { document: z.object({ seen: z.int() }), from: [orders] },
  {
    create: { Created: () => ({ seen: 0 }) },
    on: {
      Added: (doc) => ({ seen: doc.seen + 1 }),
      Paid: () => {
        throw new Error("no payments here");
      },
    },
  },
);

test("a failing handler: what comes before is applied, the partition stands still, others go on, it is written down", async (t) => {
  const w = await world();
  await w.append([
    [a, "Created", { customerId: null }],
    ...added([a], 3),
    [a, "Paid", { method: "cash" }],
    ...added([a], 2),
    [b, "Created", { customerId: null }],
    ...added([b], 2),
  ]);
  w.publish(0, range(1, 7));
  w.publish(1, range(1, 3));
  const f = await fed(t, w, { view: brittle });
  await eventually("it stands", () => f.failure(0) !== undefined);
  await reaches(f, [4, 3]);
  assert.match(f.failure(0)!, /View 'brittle' failed on Paid .*position 5.*no payments here/);
  assert.deepEqual(
    await stored(w.views(), brittle, 1, [a]),
    freshFold(
      brittle,
      w.events().filter((event) => event.partition === 0 && event.position < 5),
    ),
  );
  await eventually("it is written down", async () => (await w.views().status([brittle]))[0]!.generations[0]!.failures[0]?.position === 5);
  await w.append(added([a, b], 1));
  w.publish(0, [8]);
  w.publish(1, [4]);
  await reaches(f, [4, 4]);

  // a release whose handler does not fail goes on, and clears the failure
  await f.feed.stop();
  const mended = view(
    "brittle",
    { document: z.object({ seen: z.int() }), from: [orders] },
    { create: { Created: () => ({ seen: 0 }) }, on: { Added: (doc) => ({ seen: doc.seen + 1 }) } },
  );
  const next = await fed(t, w, { view: mended });
  await reaches(next, [8, 4]);
  await checkFold(w, mended);
  assert.deepEqual((await w.views().status([mended]))[0]!.generations[0]!.failures, []);
});

test("a handler that fails on the first event applies nothing", async (t) => {
  const w = await world();
  await w.append([
    [a, "Created", { customerId: null }],
    [a, "Paid", { method: "cash" }],
  ]);
  w.publish(0, [1]);
  const f = await fed(t, w, { view: brittle, only: [0] });
  await eventually("the first", () => f.position(0) === 1);
  w.publish(0, [2]);
  await eventually("it stands", () => f.failure(0) !== undefined);
  assert.equal(f.position(0), 1);
  assert.deepEqual(
    f.applied.map((c) => c.position),
    [1],
  );
});

for (const when of ["before", "after"] as const) {
  test(`an outage of the view store that fails applies ${when} they are stored heals by itself`, async (t) => {
    const w = await written(5);
    const hooks = faults();
    hooks.fail("apply", { when, times: 2 });
    hooks.fail("checkpoint", { times: 2 });
    for (const partition of [0, 1]) w.publish(partition, range(1, 5));
    const f = await fed(t, w, { storeFaults: hooks });
    await reaches(f, [5, 5]);
    await checkFold(w);
    assert.equal(f.logger.lines.filter(({ level }) => level === "warn").length, 1, "said once");
    w.publish(0, []);
    await w.append(added([a], 1));
    w.publish(0, [6]);
    await reaches(f, [6, 5]);
    assert.ok(f.logger.has("goes on"));
  });
}

test("what was fetched for a cursor that was put back meanwhile is dropped", async (t) => {
  const w = await written(4);
  const hooks = faults();
  const logHooks = faults();
  const steps: string[] = [];
  hooks.before("apply", ({ from, events }) => void steps.push(`${from.position}: ${events[0]!.position}`));
  const applying = hooks.hold("apply");
  const answered = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const remove = logHooks.after("fetch", ({ cursors }) => {
    if (cursors[0]!.position !== 2 || w.topicPositions(0).length < 4) return undefined;
    remove();
    answered.resolve();
    return going.promise;
  });
  w.publish(0, [1, 2]);
  const f = await fed(t, w, { storeFaults: hooks, logFaults: logHooks, only: [0] });
  await applying.reached;
  w.publish(0, [3, 4]);
  await answered.promise;
  const read = new Promise<void>((resolve) => hooks.after("checkpoint", () => resolve()));
  applying.release(new Error("the connection broke"));
  await read;
  await new Promise((resolve) => setImmediate(resolve));
  going.resolve();
  await eventually("all is applied", () => f.position(0) === 4);
  assert.deepEqual(steps.slice(0, 2), ["0: 1", "0: 1"], "from the checkpoint again");
  assert.ok(!steps.includes("0: 3"), steps.join());
});

test("an outage of the log heals by itself", async (t) => {
  const w = await written(5);
  const hooks = faults();
  hooks.fail("fetch", { times: 3 });
  for (const partition of [0, 1]) w.publish(partition, range(1, 5));
  const f = await fed(t, w, { logFaults: hooks });
  await reaches(f, [5, 5]);
  await checkFold(w);
});

test("a retired generation is no longer fed, and not asked for again and again", async (t) => {
  const w = await written(5);
  const hooks = faults();
  let calls = 0;
  for (const point of ["apply", "checkpoint"] as const) hooks.before(point, () => void (calls += 1));
  for (const partition of [0, 1]) w.publish(partition, [1, 2]);
  const f = await fed(t, w, { storeFaults: hooks });
  await reaches(f, [2, 2]);
  const store = w.views();
  const next = await store.create(productStats);
  const building = store.projection(productStats, next.generation);
  for (const checkpoint of await building.checkpoints(partitions)) {
    const events = w
      .events()
      .filter((event) => event.partition === checkpoint.partition)
      .slice(0, 2);
    await building.apply(checkpoint, { ...checkpoint, position: 2, eventId: events[1]!.id }, events);
  }
  await store.switch(productStats, next.generation);
  await store.retire(productStats, 1);
  calls = 0;
  for (const partition of [0, 1]) w.publish(partition, [3, 4]);
  await eventually("it lets go", () => f.feed.partitions().length === 0);
  for (const partition of [0, 1]) w.publish(partition, [5]);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(calls, 4, "one apply and one look at the checkpoint for each partition");
  assert.ok(f.logger.has("is no longer fed by this release"));
});

test("an older release is fenced by the declared version", async (t) => {
  const w = await written(2);
  await w.views().ensure(productStats);
  const newer = { ...productStats, version: 2 };
  const f = await fed(t, w, { view: newer });
  for (const partition of [0, 1]) w.publish(partition, [1, 2]);
  await eventually("it lets go", () => f.feed.partitions().length === 0);
  assert.deepEqual(f.applied, []);
});

test("a partition whose queue is full is left out of the poll, and let in again", async (t) => {
  const w = await world();
  const hooks = faults();
  const logHooks = faults();
  const asked: number[][] = [];
  logHooks.before("fetch", ({ cursors }) => void asked.push(cursors.map((c) => c.partition)));
  const held = hooks.hold("apply", ({ from }) => from.partition === 0);
  const many = 16_000;
  const of = w.write.log("orders").partitions;
  await w.append(added([a, b], 1));
  // the store's own arrays: sixteen thousand appends would take their time
  for (const partition of [0, 1])
    for (const position of range(2, many))
      of[partition]!.push({ ...of[partition]![0]!, position, version: position, id: `${partition}-${position}` });
  w.publish(0, range(1, many));
  const f = await fed(t, w, { storeFaults: hooks, logFaults: logHooks });
  await held.reached;
  await eventually("it is left out", () => asked.at(-1)?.join() === "1");
  const [{ cursors }] = [
    await new Promise<{ cursors: readonly unknown[] }>((resolve) => logHooks.before("fetch", (details) => resolve(details))),
  ];
  assert.equal(cursors.length, 1);
  w.publish(1, range(1, many));
  await eventually("the other goes on", () => f.position(1) === many);
  held.release();
  await eventually("it is let in again", () => f.position(0) === many);
  assert.ok(f.applied.filter((c) => c.partition === 0).length <= many / 2_000, "what gathered goes in large batches");
});

test("one apply in flight per partition", async (t) => {
  const w = await written(30);
  const hooks = faults();
  const running = new Map<number, number>();
  let most = 0;
  hooks.before("apply", async ({ from }) => {
    running.set(from.partition, (running.get(from.partition) ?? 0) + 1);
    most = Math.max(most, ...running.values());
    await new Promise((resolve) => setImmediate(resolve));
  });
  hooks.after("apply", ({ from }) => void running.set(from.partition, running.get(from.partition)! - 1));
  const f = await fed(t, w, { storeFaults: hooks });
  for (const position of range(1, 30)) {
    for (const partition of [0, 1]) w.publish(partition, [position]);
    await new Promise((resolve) => setImmediate(resolve));
  }
  await reaches(f, [30, 30]);
  assert.equal(most, 1);
});

test("what is no longer assigned is let go, and taken up again from its checkpoint", async (t) => {
  const w = await written(4);
  for (const partition of [0, 1]) w.publish(partition, [1, 2]);
  const f = await fed(t, w);
  await reaches(f, [2, 2]);
  const checkpoints = () => w.views().projection(productStats, 1).checkpoints(partitions);
  f.feed.assign((await checkpoints()).filter((c) => c.partition === 0));
  for (const partition of [0, 1]) w.publish(partition, [3, 4]);
  await eventually("the first goes on", () => f.position(0) === 4);
  assert.equal(f.position(1), undefined);
  assert.equal((await checkpoints())[1]!.position, 2);
  f.feed.assign(await checkpoints());
  await reaches(f, [4, 4]);
  await checkFold(w);
});
