/** From append to documents, with everything going wrong on the way that may: what comes out is what the logs say (I2–I4, I9). */
import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { eventually, recordingLogger, stored, world, type World, type Written } from "../../test/memory-world.ts";
import { allViews, random, randomLogs, type Random } from "../../test/view-domain.ts";
import { faults, freshFold, memoryEventStore, memoryTransport, memoryViewStore, type Faults } from "../memory/index.ts";
import { viewWorker } from "./view-worker.ts";

const partitions = 2;

/** Some operations fail before or after they are done, seldom enough that things move on. */
function trouble(hooks: Faults, r: Random, points: readonly ("send" | "read" | "tails" | "apply" | "checkpoint" | "fetch")[]): void {
  for (const point of points) {
    for (const when of ["before", "after"] as const) {
      hooks[when](point, () => {
        if (r.below(25) === 0) throw new Error(`${point} failed ${when}`);
      });
    }
  }
}

async function feedWorld(w: World, r: Random): Promise<void> {
  const logs = randomLogs(r, { partitions, orders: 8, customers: 4, orderEvents: 60, customerEvents: 25 });
  const queues = [
    { log: "orders", left: logs.orders.flat() },
    { log: "customers", left: logs.customers.flat() },
  ];
  while (queues.some(({ left }) => left.length > 0)) {
    const queue = r.pick(queues.filter(({ left }) => left.length > 0));
    const burst = queue.left.splice(0, 1 + r.below(6)).map(({ stream, type, data }): Written => [stream, type, data]);
    await w.append(burst, queue.log);
    if (r.below(3) === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

/** Pauses between attempts are what this test would spend its time on. */
async function withoutPauses<T>(work: () => Promise<T>): Promise<T> {
  const real = globalThis.setTimeout;
  globalThis.setTimeout = Object.assign(
    (callback: (...args: unknown[]) => void, ms?: number, ...args: unknown[]) =>
      real(callback, (ms ?? 0) >= 1_000 ? ms : Math.min(ms ?? 0, 1), ...args),
    real,
  );
  try {
    return await work();
  } finally {
    globalThis.setTimeout = real;
  }
}

async function run(seed: number): Promise<void> {
  const r = random(seed);
  const w = await world({ partitions, logs: ["orders", "customers"] });
  const stops: (() => Promise<void>)[] = [];
  for (const log of ["orders", "customers"]) {
    // two relays at a time: one of them is a zombie
    for (const exclusive of [true, false]) {
      const writerFaults = faults();
      const storeFaults = faults();
      trouble(writerFaults, r, ["send", "tails"]);
      trouble(storeFaults, r, ["read"]);
      const relay = w.relay({
        log,
        exclusive,
        batch: 1 + r.below(7),
        store: memoryEventStore(w.write, { faults: storeFaults }),
        writer: { faults: writerFaults, tailRecords: 1 + r.below(20) },
      });
      stops.push(() => relay.stop());
    }
  }
  for (const view of allViews) {
    // two feeds of the same partitions: each in a group of its own
    for (const group of ["one", "two"]) {
      const storeFaults = faults();
      const logFaults = faults();
      trouble(storeFaults, r, ["apply", "checkpoint"]);
      trouble(logFaults, r, ["fetch"]);
      const transport = memoryTransport(w.broker, { faults: logFaults, cut: (available) => 1 + r.below(available) });
      const worker = viewWorker({
        view,
        store: memoryViewStore(w.read, { faults: storeFaults }),
        transport,
        group: `${view.name} ${group}`,
        logger: recordingLogger(),
      });
      stops.push(() => worker.stop());
    }
  }
  try {
    await feedWorld(w, r);
    for (const view of allViews) {
      const expected = freshFold(view, w.events());
      const at = () => [...(w.read.of(view).get(1)?.checkpoints.values() ?? [])].map(({ checkpoint: c, failure }) => ({ ...c, failure }));
      await eventually(`seed ${seed}: ${view.name} is caught up`, () => {
        const all = at();
        assert.deepEqual(
          all.filter(({ failure }) => failure !== null),
          [],
          `seed ${seed}`,
        );
        return all.length === view.logs.length * partitions && all.every((c) => c.position === w.head(c.partition, c.log));
      });
      assert.deepEqual(
        await stored(w.views(), view, 1, w.read.of(view).get(1)!.documents.own.keys()),
        new Map([...expected].toSorted(order(w, view.name))),
        `seed ${seed}: ${view.name}`,
      );
    }
  } finally {
    await Promise.all(stops.map((stop) => stop()));
  }

  function order(of: World, view: string) {
    const keys = [...of.read.generations.get(view)!.get(1)!.documents.own.keys()];
    return ([a]: readonly [string, unknown], [b]: readonly [string, unknown]) => keys.indexOf(a) - keys.indexOf(b);
  }
}

test(
  "random logs through failing relays, duplicates, random batch cuts and two feeds of each partition give what a fresh fold gives",
  { timeout: 120_000 },
  async () => {
    await withoutPauses(() => fc.assert(fc.asyncProperty(fc.nat(), run), { numRuns: 25, endOnFailure: true }));
  },
);
