/** What a worker remembers of documents counts only while the checkpoint is the one that it stored itself (I4). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { documentWorld, firstGeneration } from "../../test/document-world.ts";
import { logWriter, orderTotals, productStats } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";

const added = { productId: "p", quantity: 1 };

async function setUp(view: AnyView = orderTotals) {
  const { documents, open } = documentWorld();
  const log = logWriter("orders", 1);
  const events = log.byPartition[0]!;
  await firstGeneration(open().store, view);
  const worker = () => {
    const { store, rows } = open();
    const projection = store.projection(view, 1);
    const read: string[] = [];
    rows.faults.before("readRows", ({ keys }) => void read.push(...keys));
    const next = async (limit = 1) => applyNext(projection, await projection.checkpoint("orders", 0), events, limit);
    return { projection, rows, read, next };
  };
  return { documents, log, worker, check: () => assertFold(open().store, view, 1, events) };
}

test("documents that this worker stored last are not read again, deleted ones neither", async () => {
  const { log, worker, check } = await setUp();
  const { next, read } = worker();
  log.add("a", "Created", { customerId: null });
  log.add("b", "Created", { customerId: null });
  assert.equal(await next(2), "applied");
  for (const type of ["Added", "Added", "Erased", "Created", "Added"]) {
    log.add("a", type, type === "Added" ? added : { customerId: null });
    assert.equal(await next(), "applied");
  }
  log.add("b", "Added", added);
  assert.equal(await next(), "applied");
  assert.deepEqual(read, []);
  await check();
});

test("after another worker's batch they are read again", async () => {
  const { log, worker, check } = await setUp();
  const [one, other] = [worker(), worker()];
  log.add("a", "Created", { customerId: null });
  log.add("b", "Created", { customerId: null });
  assert.equal(await one.next(2), "applied");
  log.add("a", "Added", added);
  assert.equal(await other.next(), "applied");
  log.add("a", "Added", added);
  assert.equal(await one.next(), "applied");
  assert.deepEqual([one.read, other.read], [["a"], ["a"]]);
  await check();
});

test("a batch whose answer was lost leaves nothing remembered", async () => {
  const { log, worker, check } = await setUp();
  const one = worker();
  log.add("a", "Created", { customerId: null });
  assert.equal(await one.next(), "applied");
  log.add("a", "Added", added);
  one.rows.faults.fail("writeRows", { when: "after" });
  await assert.rejects(one.next(), { code: "UNAVAILABLE" });
  assert.equal(await one.next(), "applied");
  assert.deepEqual(one.read, ["a"]);
  await check();
});

test("a document that another worker has written meanwhile is read, though it is remembered", async () => {
  const { log, worker, check } = await setUp();
  const [one, late] = [worker(), worker()];
  log.add("a", "Created", { customerId: null });
  assert.equal(await one.next(), "applied");
  log.add("a", "Added", added);
  late.rows.faults.fail("visible");
  // written, and its checkpoint never moved
  await assert.rejects(late.next(), { code: "UNAVAILABLE" });
  log.add("a", "Added", added);
  assert.equal(await one.next(2), "applied");
  assert.deepEqual(one.read, ["a"]);
  await check();
});

test("storage that was lost is noticed, though its documents are remembered", async () => {
  const { documents, log, worker } = await setUp();
  const one = worker();
  log.add("a", "Created", { customerId: null });
  assert.equal(await one.next(), "applied");
  documents.clear();
  log.add("a", "Added", added);
  await assert.rejects(one.next(), { code: "VIEW_STORE_DIVERGED" });
});

test("documents that several partitions may write are read each time", async () => {
  const { log, worker, check } = await setUp(productStats);
  const { next, read } = worker();
  log.add("a", "Created", { customerId: null });
  log.add("a", "Added", added);
  log.add("a", "Added", added);
  for (let i = 0; i < 3; i++) assert.equal(await next(), "applied");
  assert.deepEqual(read, ["p", "p"]);
  await check();
});
