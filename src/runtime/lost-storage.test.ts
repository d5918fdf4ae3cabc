/** Storage that is not the one of its checkpoints, as operators see it: what stands still for it is told, and goes on by itself when the storage is back. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { documentWorld } from "../../test/document-world.ts";
import { eventually, range, recordingLogger, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { orderTotals as view } from "../../test/view-domain.ts";
import { health } from "../service/health.ts";
import type { ViewStore } from "./ports.ts";
import { viewWorker } from "./view-worker.ts";

const partitions = 2;
const streams = streamsOf(partitions, 2).flat();

async function setting() {
  const w = await world({ partitions });
  const { documents, open } = documentWorld({ catalogue: w.read });
  const positions = (store: ViewStore, generation: number) =>
    store
      .status([view])
      .then(([status]) => status!.generations.find((g) => g.generation === generation)?.checkpoints.map(({ position }) => position) ?? []);
  const recorded = async (store: ViewStore, generation = 1) =>
    (await store.status([view]))[0]!.generations.find((g) => g.generation === generation)!.failures;
  return { w, documents, open, positions, recorded };
}
type Setting = Awaited<ReturnType<typeof setting>>;

async function happen(w: World, type: "Created" | "Added"): Promise<void> {
  await w.append(turns(streams, 1, type, type === "Created" ? { customerId: "c" } : { productId: "p", quantity: 1 }));
  const topic = w.broker.ensure("orders", partitions);
  for (const partition of range(0, partitions - 1)) w.publish(partition, range(topic.partitions[partition]!.end + 1, w.head(partition)));
}

function working(t: TestContext, { w, open }: Setting) {
  const { store } = open();
  const transport = w.transport();
  const worker = viewWorker({ view, store, transport, group: "views", logger: recordingLogger() });
  const stop = async () => {
    await worker.stop();
    await transport.close();
  };
  t.after(stop);
  const ready = () => health({ relays: [], workers: [worker] }).ready();
  return { worker, store, stop, ready };
}

async function fedOnce(t: TestContext) {
  const s = await setting();
  const first = working(t, s);
  await happen(s.w, "Created");
  await eventually("it is fed", async () => (await s.positions(first.store, 1)).join() === "2,2");
  return { ...s, ...first, s };
}

test("lost under a running worker: its partitions stand still in health and status, and go on when the storage is back", async (t) => {
  const { w, worker, store, documents, ready, recorded, positions } = await fedOnce(t);
  const kept = new Map(documents);
  documents.clear();
  await happen(w, "Added");
  await eventually("both stand", async () => (await recorded(store)).length === 2);
  assert.deepEqual(
    worker
      .failures()
      .map(({ partition, position, read }) => [partition, position, read])
      .toSorted(([a], [b]) => Number(a) - Number(b)),
    [
      [0, 3, true],
      [1, 3, true],
    ],
  );
  const found = await ready();
  assert.equal(found.ready, false);
  assert.match(found.checks[0]!.message, /partition 0, position 3: VIEW_STORE_DIVERGED: .*tidemark rebuild/);
  for (const [name, storage] of kept) documents.set(name, storage);
  await eventually("it goes on", async () => (await positions(store, 1)).join() === "4,4");
  assert.deepEqual([worker.failures(), await recorded(store)], [[], []]);
  assert.equal((await ready()).ready, true);
});

test("lost before a worker begins: told without an event, and taken back when the storage is", async (t) => {
  const { s, stop, documents, recorded } = await fedOnce(t);
  await stop();
  const kept = new Map(documents);
  documents.clear();
  const { worker, store, ready } = working(t, s);
  await eventually("both stand", async () => (await recorded(store)).length === 2);
  assert.deepEqual(new Set(worker.failures().map(({ problem }) => problem.split(":")[0])), new Set(["VIEW_STORE_DIVERGED"]));
  assert.equal((await ready()).ready, false);
  // brought back while nobody looks
  for (const [name, storage] of kept) documents.set(name, storage);
  await eventually("nobody stands", async () => (await recorded(store)).length === 0 && worker.failures().length === 0);
  assert.equal(worker.assigned().length, 2);
});

test("brought back between two processes: the second takes the first one's word back", async (t) => {
  const { s, stop, documents, recorded } = await fedOnce(t);
  await stop();
  const kept = new Map(documents);
  documents.clear();
  const second = working(t, s);
  await eventually("both stand", async () => (await recorded(second.store)).length === 2);
  await second.stop();
  for (const [name, storage] of kept) documents.set(name, storage);
  const third = working(t, s);
  await third.worker.started;
  assert.deepEqual(await recorded(third.store), []);
});

test("the way out is a rebuild: it is fed beside the lost one, which only warns", async (t) => {
  const { s, w, stop, documents, recorded, positions } = await fedOnce(t);
  await stop();
  documents.clear();
  const { worker, store, ready } = working(t, s);
  await eventually("both stand", async () => (await recorded(store)).length === 2);
  await store.create(view);
  await eventually("the new one is live", async () => (await store.current(view))?.generation === 2);
  await happen(w, "Added");
  await eventually("it is fed", async () => (await positions(store, 2)).join() === "4,4");
  await eventually("the lost one is told of", () => worker.failures().length === 2);
  assert.deepEqual(
    worker.failures().map(({ generation, read }) => [generation, read]),
    [
      [1, false],
      [1, false],
    ],
  );
  const { ready: isReady, checks } = await ready();
  assert.deepEqual([isReady, checks[0]!.status], [true, "warn"]);
});
