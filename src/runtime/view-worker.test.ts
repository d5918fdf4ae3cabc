import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { z } from "zod";
import { eventually, range, recordingLogger, stored, streamsOf, world, type World, type Written } from "../../test/memory-world.ts";
import { orders, orderSummaries } from "../../test/view-domain.ts";
import type { AnyView } from "../core/definition.ts";
import { view } from "../core/view.ts";
import { faults, freshFold, memoryTransport, memoryViewStore, type Faults } from "../memory/index.ts";
import { fillAndSwitch } from "./rebuild.ts";
import { viewWorker } from "./view-worker.ts";

const partitions = 3;
const streams = streamsOf(partitions, 2).flat();
const logs = ["orders", "customers"];
const make = () => world({ partitions, logs });

/** Orders of every partition, and the customers that they name; straight into the topics. */
async function happen(w: World, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const stream = streams[i % streams.length]!;
    const first = (w.write.log("orders").streams.get(stream)?.length ?? 0) === 0;
    const order: Written = first
      ? [stream, "Created", { customerId: streams[(i + 1) % streams.length]! }]
      : [stream, "Added", { productId: "p", quantity: 1 }];
    await w.append([order], "orders");
    const known = (w.write.log("customers").streams.get(stream)?.length ?? 0) > 0;
    await w.append([known ? [stream, "Renamed", { name: `name ${i}` }] : [stream, "Registered", { name: "new", email: "e" }]], "customers");
  }
  for (const log of logs) {
    const topic = w.broker.ensure(log, partitions);
    for (const partition of range(0, partitions - 1))
      w.publish(partition, range(topic.partitions[partition]!.end + 1, w.head(partition, log)), log);
  }
}

function working(
  t: TestContext,
  w: World,
  options: { readonly view?: AnyView; readonly storeFaults?: Faults; readonly logFaults?: Faults; readonly group?: string } = {},
) {
  const store = memoryViewStore(w.read, options.storeFaults === undefined ? {} : { faults: options.storeFaults });
  const transport = memoryTransport(w.broker, { cut: () => 2, ...(options.logFaults === undefined ? {} : { faults: options.logFaults }) });
  const logger = recordingLogger();
  const worker = viewWorker({ view: options.view ?? orderSummaries, store, transport, group: options.group ?? "views", logger });
  const stop = async () => {
    await worker.stop();
    await transport.close();
    await store.close();
  };
  t.after(stop);
  return {
    worker,
    store,
    logger,
    stop,
    kill() {
      store.kill();
      transport.kill();
    },
  };
}

const holds = async (w: World, generation: number, definition: AnyView = orderSummaries): Promise<boolean> => {
  if (!w.read.of(definition).has(generation)) return false;
  const expected = freshFold(definition, w.events());
  const found = await stored(w.views(), definition, generation, expected.keys());
  return expected.size > 0 && JSON.stringify([...found]) === JSON.stringify([...expected]);
};
const generations = (w: World, definition: AnyView = orderSummaries) => [...w.read.of(definition).values()].map(({ about }) => about.state);

test("feeds the first generation from all logs, references too", async (t) => {
  const w = await make();
  const { worker } = working(t, w);
  await happen(w, 20);
  await worker.started;
  await eventually("it holds what the logs say", () => holds(w, 1));
  await happen(w, 20);
  await eventually("it goes on", () => holds(w, 1));
  assert.equal(worker.assigned().length, 6);
  assert.deepEqual(worker.failures(), []);
});

test("checkpoints are there before the first event is: a query can tell empty from not yet", async (t) => {
  const w = await make();
  const { worker } = working(t, w);
  assert.equal(await w.views().current(orderSummaries), null);
  for (const log of logs) w.broker.ensure(log, partitions);
  await worker.started;
  const [status] = await w.views().status([orderSummaries]);
  assert.deepEqual(
    status!.generations[0]!.checkpoints.map((c) => c.position),
    [0, 0, 0, 0, 0, 0],
  );
});

test("workers share the partitions; when one dies the other takes its part", async (t) => {
  const w = await make();
  await happen(w, 12);
  const first = working(t, w);
  const second = working(t, w);
  const count = (each: typeof first) => each.worker.assigned().length;
  await eventually("each has a part", () => count(first) > 0 && count(second) > 0 && count(first) + count(second) === 6);
  await eventually("they fill it together", () => holds(w, 1));
  first.kill();
  await happen(w, 12);
  await eventually("the other goes on with all", () => holds(w, 1));
  assert.equal(count(second), 6);
});

test("a new generation is filled beside the live one and switched to while events keep coming", async (t) => {
  const w = await make();
  await happen(w, 30);
  const { worker, logger } = working(t, w);
  await eventually("the first is filled", () => holds(w, 1));
  await w.views().create(orderSummaries);
  let more = true;
  const appending = (async () => {
    while (more) {
      await happen(w, 3);
      await new Promise((resolve) => setImmediate(resolve));
    }
  })();
  await eventually("it is switched to", () => generations(w).join() === "previous,live");
  more = false;
  await appending;
  await happen(w, 3);
  await eventually("the new one is fed", () => holds(w, 2));
  await eventually("the previous one is fed", () => holds(w, 1));
  assert.ok(logger.has("is served by generation 2 now"));
  assert.deepEqual(new Set(worker.assigned().map((each) => each.generation)), new Set([1, 2]));

  await w.views().switch(orderSummaries, 1);
  assert.deepEqual(generations(w), ["live", "previous"], "an instant switch back");
  await w.views().retire(orderSummaries, 2);
  await eventually("the retired one is let go", () => worker.assigned().every((each) => each.generation === 1));
  await happen(w, 3);
  await eventually("the live one goes on", () => holds(w, 1));
});

test("the switch waits until nobody would see older data", async (t) => {
  const w = await make();
  await happen(w, 30);
  const hooks = faults();
  const filler = working(t, w, { storeFaults: hooks });
  await eventually("the first is filled", () => holds(w, 1));
  const held = hooks.hold("switch");
  const switches: number[] = [];
  hooks.before("switch", ({ generation }) => void switches.push(generation));
  await w.views().create(orderSummaries);
  await held.reached;
  // the live one moves on while the switch is on its way
  const applies = hooks.before("apply", ({ generation }) =>
    generation === 2 ? new Promise<void>((resolve) => void hooks.before("recordEnds", () => resolve())) : undefined,
  );
  await happen(w, 6);
  await eventually("the live one has them", () => holds(w, 1));
  held.release();
  await eventually("it was refused", () => w.read.of(orderSummaries).get(2)!.about.state === "building");
  applies();
  await filler.store.recordEnds([], []);
  await eventually("it is switched to later", () => generations(w).join() === "previous,live");
  assert.ok(switches.length >= 2, "tried again");
  assert.ok(await holds(w, 2));
});

test("a rebuild whose process dies half way is finished by another one, from where it was", async (t) => {
  const w = await make();
  await happen(w, 40);
  const hooks = faults();
  const first = working(t, w, { storeFaults: hooks });
  await eventually("the first is filled", () => holds(w, 1));
  let applied = 0;
  const half = hooks.hold("apply", ({ generation }) => generation === 2 && ++applied === 12);
  await w.views().create(orderSummaries);
  await half.reached;
  const others = faults();
  const from: number[] = [];
  others.before("apply", ({ generation, from: { position } }) => void (generation === 2 && from.push(position)));
  working(t, w, { storeFaults: others });
  first.kill();
  half.release();
  await eventually("it is switched to", () => generations(w).join() === "previous,live");
  assert.ok(await holds(w, 2));
  assert.ok(from.length > 0 && from.filter((position) => position === 0).length < 6, "what was done was not done again");
});

test("an outage during a rebuild is waited for", async (t) => {
  const w = await make();
  await happen(w, 20);
  const hooks = faults();
  working(t, w, { storeFaults: hooks });
  await eventually("the first is filled", () => holds(w, 1));
  hooks.fail("switch", { times: 2 });
  hooks.fail("checkpoints", { matches: ({ generation }) => generation === 2, times: 2 });
  await w.views().create(orderSummaries);
  await eventually("it is switched to", () => generations(w).join() === "previous,live");
  assert.ok(await holds(w, 2));
});

const named = (version: number, fails: boolean) =>
  view(
    "named",
    { version, document: z.object({ seen: z.int(), release: z.int() }), from: [orders] },
    {
      create: { Created: () => ({ seen: 0, release: version }) },
      on: {
        Added: (doc) => {
          if (fails) throw new Error("this release cannot add");
          return { ...doc, seen: doc.seen + 1 };
        },
      },
    },
  );

test("a raised declared version is filled beside the old release, which keeps its own fed", async (t) => {
  const w = await make();
  await happen(w, 20);
  const [v1, v2] = [named(1, false), named(2, false)];
  working(t, w, { view: v1, group: "v1" });
  await eventually("the old one is filled", () => holds(w, 1, v1));
  const next = working(t, w, { view: v2, group: "v2" });
  await eventually("the new one is live", () => generations(w, v1).join() === "previous,live");
  await happen(w, 12);
  await eventually("the new one is fed", () => holds(w, 2, v2));
  await eventually("the old one is fed by the old release", () => holds(w, 1, v1));
  assert.equal((await w.views().current(v1))!.generation, 1, "queries of the old release read its own");
  assert.equal((await w.views().current(v2))!.generation, 2);
  assert.deepEqual(
    new Set(next.worker.assigned().map((each) => each.generation)),
    new Set([2]),
    "documents of the old definition are not folded by the new one",
  );
});

test("a rebuild that a handler stops ends by name, and the live generation answers on", async (t) => {
  const w = await make();
  await happen(w, 20);
  const [v1, v2] = [named(1, false), named(2, true)];
  working(t, w, { view: v1, group: "v1" });
  await eventually("the old one is filled", () => holds(w, 1, v1));
  const next = working(t, w, { view: v2, group: "v2" });
  await eventually("it ends", () => next.logger.has("rebuild of view 'named' (generation 2) ended"));
  assert.ok(next.logger.has("this release cannot add"));
  assert.deepEqual(generations(w, v1), ["live", "building"]);
  assert.equal((await w.views().status([v2]))[0]!.generations[1]!.failures.length > 0, true);
  await happen(w, 6);
  await eventually("the live one goes on", () => holds(w, 1, v1));
});

test("a rebuild ends when its generation is retired", async () => {
  const w = await make();
  await happen(w, 20);
  const hooks = faults();
  const store = memoryViewStore(w.read, { faults: hooks });
  await store.ensure(orderSummaries);
  const held = hooks.hold("apply");
  const { generation } = await store.create(orderSummaries);
  const filling = fillAndSwitch({
    view: orderSummaries,
    generation,
    store,
    transport: w.transport(),
    logger: recordingLogger(),
    stop: new AbortController().signal,
  });
  await held.reached;
  await store.retire(orderSummaries, generation);
  held.release();
  await filling;
  assert.deepEqual(generations(w), ["live", "retired"]);
});

test("a definition that changed under the same version is warned about", async (t) => {
  const w = await make();
  await happen(w, 6);
  const before = working(t, w, { view: named(1, false) });
  await before.worker.started;
  await before.stop();
  const after = working(t, w, { view: { ...named(1, false), hash: "another" } });
  await after.worker.started;
  assert.ok(after.logger.has("has changed under the same version 1"));
});

test("stops while its log is not there yet, or its store is down", async () => {
  const w = await make();
  const hooks = faults();
  hooks.fail("ensure", { times: 1_000 });
  const store = memoryViewStore(w.read, { faults: hooks });
  const waiting = viewWorker({ view: orderSummaries, store, transport: w.transport(), group: "views", logger: recordingLogger() });
  await waiting.stop();
  await waiting.started;
  for (const log of logs) w.broker.ensure(log, partitions);
  const logger = recordingLogger();
  const failing = viewWorker({ view: orderSummaries, store, transport: w.transport(), group: "views", logger });
  await eventually("it says so", () => logger.has("preparing failed, trying again"));
  await failing.stop();
  assert.deepEqual(failing.assigned(), []);
});
