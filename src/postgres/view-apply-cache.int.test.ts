/** What a worker remembers of documents counts only while the checkpoint is the one that it stored itself (I4). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { logWriter, orderTotals } from "../../test/view-domain.ts";
import { after, applyNext, assertFold, feedLive, postgresStore } from "../../test/view-stores.ts";
import type { Database } from "./sql.ts";
import { postgresViewStore } from "./view-store.ts";

const added = { productId: "p", quantity: 1 };

async function setUp(t: TestContext) {
  const under = await postgresStore();
  t.after(() => under[Symbol.asyncDispose]());
  const { generation } = await feedLive(under.store, orderTotals, 1);
  const log = logWriter("orders", 1);
  const events = log.byPartition[0]!;
  /** A worker, and how often it read documents. */
  const worker = (failing: { now: boolean } = { now: false }) => {
    const count = { reads: 0 };
    const database: Database = {
      ...under.database,
      async dedicated() {
        const connection = await under.database.dedicated();
        return {
          ...connection,
          async query<R>(statement: Parameters<typeof connection.query>[0]) {
            if (/^select .* from "order_totals_g/.test(statement.text)) count.reads += 1;
            const result = await connection.query<R>(statement);
            // done, and not answered
            if (failing.now && statement.text.startsWith("with cp"))
              await connection.query({ text: "select pg_terminate_backend(pg_backend_pid())" });
            return result;
          },
        };
      },
    };
    const store = postgresViewStore(database, { schema: "views" });
    t.after(() => store.close());
    const projection = store.projection(orderTotals, generation);
    return {
      projection,
      count,
      next: async (limit: number) => applyNext(projection, await projection.checkpoint("orders", 0), events, limit),
    };
  };
  return { log, worker, check: (upTo = events.length) => assertFold(under.store, orderTotals, generation, events.slice(0, upTo)) };
}

test("documents that this worker stored last are not read again, deleted ones neither", async (t) => {
  const { log, worker, check } = await setUp(t);
  const one = worker();
  for (const type of ["Created", "Added", "Erased", "Added", "Created", "Noted", "Added"])
    log.add("s", type, { customerId: null, ...added });
  for (let i = 1; i <= 7; i++) {
    assert.equal(await one.next(1), "applied");
    await check(i);
  }
  assert.equal(one.count.reads, 0);
});

test("after another worker's batch everything is read again", async (t) => {
  const { log, worker, check } = await setUp(t);
  const [one, other] = [worker(), worker()];
  for (const type of ["Created", "Added", "Added", "Added"]) log.add("s", type, { customerId: null, ...added });
  assert.equal(await one.next(2), "applied");
  assert.equal(await other.next(1), "applied");
  assert.equal(await one.next(1), "applied");
  await check();
  assert.deepEqual([one.count.reads, other.count.reads], [1, 1]);
});

test("a batch that was refused, that failed, or whose outcome is not known leaves nothing behind", async (t) => {
  const { log, worker, check } = await setUp(t);
  const failing = { now: false };
  const [one, other] = [worker(failing), worker()];
  for (const type of ["Created", "Added", "Added", "Added", "Added"]) log.add("s", type, { customerId: null, ...added });
  const events = log.byPartition[0]!;
  assert.equal(await one.next(1), "applied");
  const stale = await one.projection.checkpoint("orders", 0);
  assert.equal(await other.next(1), "applied");
  assert.equal(await one.projection.apply(stale, after(stale, events.slice(1, 2)), events.slice(1, 2)), "moved");
  assert.equal(await one.next(1), "applied");
  failing.now = true;
  await assert.rejects(one.next(1), { code: "UNAVAILABLE" });
  failing.now = false;
  assert.equal(await one.next(1), "applied");
  await check();
  assert.equal(one.count.reads, 2, "after the refusal and after the loss");
});
