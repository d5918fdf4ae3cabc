/** Who waits for a checkpoint hears of its commit: at once in its process, by a notification in others (I5). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { logWriter, orderTotals } from "../../test/view-domain.ts";
import { applyNext, feedLive, openStore, postgresStore } from "../../test/view-stores.ts";
import type { CheckpointMoved, ViewStore } from "../runtime/ports.ts";

const limitMs = 5_000;

async function listening(t: TestContext, store: ViewStore) {
  const heard: (CheckpointMoved | undefined)[] = [];
  const first = Promise.withResolvers<void>();
  t.after(
    await store.onCheckpoint((moved) => {
      heard.push(moved);
      first.resolve();
    }),
  );
  return { heard, first: first.promise };
}

async function setUp(t: TestContext) {
  const under = await postgresStore();
  t.after(() => under[Symbol.asyncDispose]());
  const projection = await feedLive(under.store, orderTotals, 1);
  const log = logWriter("orders", 1);
  log.add("o", "Created", { customerId: null });
  log.add("o", "Paid", { method: "cash" });
  const apply = async () => applyNext(projection, await projection.checkpoint("orders", 0), log.byPartition[0]!, 2);
  const moved: CheckpointMoved = { view: orderTotals.name, generation: projection.generation, log: "orders", partition: 0, position: 2 };
  return { ...under, projection, apply, moved };
}

test("this process has heard of it when the apply ends", async (t) => {
  const { store, apply, moved } = await setUp(t);
  const { heard } = await listening(t, store);
  assert.equal(await apply(), "applied");
  assert.deepEqual(heard, [moved]);
});

test("another process is notified, once", async (t) => {
  const { apply, moved, server } = await setUp(t);
  const other = openStore(server!.url);
  t.after(() => other[Symbol.asyncDispose]());
  const { heard, first } = await listening(t, other.store);
  assert.equal(await apply(), "applied");
  const late = Promise.withResolvers<void>();
  const timer = setTimeout(() => late.reject(new assert.AssertionError({ message: `not notified within ${limitMs} ms` })), limitMs);
  await Promise.race([first, late.promise]);
  clearTimeout(timer);
  assert.deepEqual(heard, [moved]);
});
