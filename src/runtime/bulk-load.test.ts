/** The bulk stage of a rebuild on stores in memory, with everything going wrong that may: what is there afterwards is what the logs say. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { range, recordingLogger, stored, streamsOf, world, type World, type Written } from "../../test/memory-world.ts";
import { orders, orderTotals } from "../../test/view-domain.ts";
import type { AnyView } from "../core/definition.ts";
import { view } from "../core/view.ts";
import { faults, freshFold, memoryTransport, memoryViewStore } from "../memory/index.ts";
import { bulkLoad, type BulkLimits } from "./bulk-load.ts";
import type { Checkpoint } from "./ports.ts";
import { fillAndSwitch } from "./rebuild.ts";

const partitions = 3;
const streams = streamsOf(partitions, 4).flat();

async function worldOf(events: readonly Written[]): Promise<World> {
  const w = await world({ partitions, logs: ["orders"] });
  await w.append(events);
  w.broker.ensure("orders", partitions);
  for (const partition of range(0, partitions - 1)) w.publish(partition, range(1, w.head(partition)));
  return w;
}

const history = (times: number, type = "Added"): Written[] => [
  ...streams.map((stream): Written => [stream, "Created", { customerId: null }]),
  ...Array.from({ length: times }, (_, i): Written => [streams[(i * 7) % streams.length]!, type, { productId: "p", quantity: 1 }]),
];

function loading(w: World, one: AnyView = orderTotals) {
  const [storeFaults, logFaults] = [faults(), faults()];
  const store = memoryViewStore(w.read, { faults: storeFaults });
  const transport = memoryTransport(w.broker, { faults: logFaults });
  const logger = recordingLogger();
  const stop = new AbortController();
  const told: Checkpoint[] = [];
  const begin = async (limits: Partial<BulkLimits> = { documents: 3, maxEventsPerFetch: 5 }) => {
    await store.ensure(one);
    const { generation } = await store.create(one);
    const projection = store.projection(one, generation);
    const checkpoints = await projection.checkpoints(new Map([["orders", partitions]]));
    const reader = await transport.reader("orders");
    const done = bulkLoad({
      projection,
      log: "orders",
      reader,
      logger,
      stop: stop.signal,
      checkpoints,
      targets: range(0, partitions - 1).map((p) => w.head(p)),
      onStored: (checkpoint) => void told.push(checkpoint),
      limits,
    }).then(() => reader.close());
    const positions = async () => (await projection.checkpoints(new Map([["orders", partitions]]))).map((c) => c.position);
    return { projection, generation, done, positions };
  };
  const check = async (generation: number) =>
    assert.deepEqual(await stored(w.views(), one, generation, streams), freshFold(one, w.events()));
  return { store, transport, storeFaults, logFaults, logger, stop, told, begin, check };
}

const heads = (w: World) => range(0, partitions - 1).map((p) => w.head(p));

test("loads every partition to its end, and tells of each checkpoint it stored", async () => {
  const w = await worldOf(history(100));
  const one = loading(w);
  const { generation, done, positions } = await one.begin();
  await done;
  assert.deepEqual(await positions(), heads(w));
  await one.check(generation);
  for (const p of range(0, partitions - 1)) {
    const of = one.told.filter(({ partition }) => partition === p).map(({ position }) => position);
    assert.deepEqual(
      of,
      of.toSorted((a, b) => a - b),
    );
    assert.equal(of.at(-1), w.head(p));
  }
  assert.deepEqual(one.logger.lines, []);
});

test("documents are written when many are held, not batch by batch", async () => {
  const w = await worldOf(history(200));
  const few = loading(w);
  let applies = 0;
  few.storeFaults.before("apply", () => void (applies += 1));
  const { done, generation } = await few.begin({ documents: 1_000, maxEventsPerFetch: 5 });
  await done;
  assert.equal(applies, partitions);
  await few.check(generation);
});

test("the checkpoint follows where many events make few documents", async () => {
  const w = await worldOf(history(600));
  const one = loading(w);
  const { generation, done, positions } = await one.begin({ documents: 1_000, events: 20, maxEventsPerFetch: 5 });
  await done;
  for (const p of range(0, partitions - 1)) {
    const of = one.told.filter(({ partition }) => partition === p).map(({ position }) => position);
    assert.ok(of.length >= 3, String(of));
    assert.ok(
      of.every((position, i) => position - (of[i - 1] ?? 0) < 60),
      String(of),
    );
  }
  assert.deepEqual(await positions(), heads(w));
  await one.check(generation);
});

test("a partition whose writes fail again and again is left to the feed, with a warning", async () => {
  const w = await worldOf(history(100));
  const one = loading(w);
  let failed = 0;
  one.storeFaults.before("apply", ({ from }) => {
    if (from.partition !== 1 || from.position === 0) return;
    failed += 1;
    throw new Error("too much at once");
  });
  const { done, positions } = await one.begin({ documents: 3, maxEventsPerFetch: 5 });
  await done;
  const reached = await positions();
  assert.deepEqual([reached[0], reached[2]], [w.head(0), w.head(2)]);
  assert.ok(reached[1]! > 0 && reached[1]! < w.head(1));
  assert.equal(failed, 5);
  const left = one.logger.lines.filter(({ message }) => message.includes("partition 1 goes on without a bulk load"));
  assert.deepEqual(
    left.map(({ level, fields }) => [level, fields["problem"]]),
    [["warn", "Error: too much at once"]],
  );
});

for (const when of ["before", "after"] as const) {
  test(`writes that fail ${when} they are stored, and reads that fail, are done again from the store's checkpoint`, async () => {
    const w = await worldOf(history(150));
    const one = loading(w);
    let count = 0;
    one.storeFaults[when]("apply", () => {
      if (++count % 4 === 0) throw new Error("lost");
    });
    one.storeFaults.fail("checkpoint", { times: 1 });
    one.logFaults.fail("fetch", { times: 2 });
    const { generation, done, positions } = await one.begin();
    await done;
    assert.ok(count > 4);
    assert.ok(one.logger.has("trying again"));
    assert.deepEqual(await positions(), heads(w));
    await one.check(generation);
  });
}

test("a rival on the same partitions costs work, and no wrong document", async () => {
  const w = await worldOf(history(150));
  const [one, rival] = [loading(w), loading(w)];
  const { generation, projection, done } = await one.begin();
  const reader = await rival.transport.reader("orders");
  await Promise.all([
    done,
    bulkLoad({
      projection: rival.store.projection(orderTotals, generation),
      log: "orders",
      reader,
      logger: rival.logger,
      stop: rival.stop.signal,
      checkpoints: await projection.checkpoints(new Map([["orders", partitions]])),
      targets: heads(w),
      onStored: () => undefined,
      limits: { documents: 2, maxEventsPerFetch: 3 },
    }).then(() => reader.close()),
  ]);
  await one.check(generation);
});

test("what is read before a gap is stored, the rest is left", async () => {
  const w = await world({ partitions, logs: ["orders"] });
  await w.append(history(60));
  w.broker.ensure("orders", partitions);
  for (const partition of range(0, partitions - 1))
    w.publish(
      partition,
      range(1, w.head(partition)).filter((position) => partition > 0 || position !== 9),
    );
  const one = loading(w);
  const { done, positions } = await one.begin();
  await done;
  assert.deepEqual(await positions(), [8, ...heads(w).slice(1)]);
});

test("a stop ends it in the middle; what is stored is a prefix, and another one goes on from it", async () => {
  const w = await worldOf(history(100));
  const one = loading(w);
  const half = one.storeFaults.hold("apply", ({ from }) => from.position > 0);
  const { generation, done, positions } = await one.begin();
  await half.reached;
  one.stop.abort();
  half.release();
  await done;
  const reached = await positions();
  assert.ok(reached.some((position, p) => position < w.head(p)));
  await fillAndSwitch({
    view: orderTotals,
    generation,
    store: w.views(),
    transport: memoryTransport(w.broker),
    logger: recordingLogger(),
    stop: new AbortController().signal,
  });
  await one.check(generation);
});

test("an event that a handler fails on is the feed's: what comes before it is applied, and the failure is written down", async () => {
  const failing = view(
    "failing",
    { document: z.object({ seen: z.int() }), from: [orders] },
    {
      create: { Created: () => ({ seen: 0 }) },
      on: {
        Added: (document) => ({ seen: document.seen + 1 }),
        Paid: () => {
          throw new Error("no payment");
        },
      },
    },
  );
  const poison = streamsOf(partitions)[1]![0]!;
  const w = await worldOf([...history(40), [poison, "Paid", { method: "card" }], ...history(20).slice(streams.length)]);
  const one = loading(w, failing);
  await one.store.ensure(failing);
  const { generation } = await one.store.create(failing);
  await assert.rejects(
    fillAndSwitch({
      view: failing,
      generation,
      store: one.store,
      transport: one.transport,
      logger: one.logger,
      stop: one.stop.signal,
    }),
    { code: "REBUILD_REFUSED" },
  );
  const status = (await one.store.status([failing]))[0]!.generations.find((g) => g.generation === generation)!;
  const position = w.events().find((event) => event.type === "Paid")!.position;
  assert.deepEqual(
    status.failures.map((failure) => [failure.partition, failure.position]),
    [[1, position]],
  );
  assert.equal(status.checkpoints.find((c) => c.partition === 1)!.position, position - 1);
});

test("a rebuild whose generation is retired between its load and the switch ends", async () => {
  const w = await worldOf(history(40));
  const one = loading(w);
  await one.store.ensure(orderTotals);
  const { generation } = await one.store.create(orderTotals);
  const switching = one.storeFaults.hold("switch");
  const filling = fillAndSwitch({
    view: orderTotals,
    generation,
    store: one.store,
    transport: one.transport,
    logger: one.logger,
    stop: one.stop.signal,
  });
  await switching.reached;
  await one.store.retire(orderTotals, generation);
  switching.release();
  await filling;
  const states = (await one.store.status([orderTotals]))[0]!.generations.map(({ state }) => state);
  assert.deepEqual(states, ["live", "retired"]);
});
