/** Applies that meet at each other's rows, one interleaving a test, and what fences them (I4). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { blockedOrDone } from "../../test/blocked.ts";
import { logWriter, orderSummaries, orderTotals, productStats } from "../../test/view-domain.ts";
import { after, assertFold, feedLive, postgresStore } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { partitionOf } from "../core/partition.ts";
import { isTidemarkError } from "../errors.ts";
import { sqlState } from "./sql-errors.ts";
import type { Database, Statement } from "./sql.ts";
import { commit } from "./view-apply-context.ts";
import { beginAndMove } from "./view-checkpoint.ts";
import { documentTable, quoted } from "./view-names.ts";
import { postgresViewStore } from "./view-store.ts";

const partitions = 2;
/** That of test/view-stores.ts. */
const viewSchema = "views";
/** A stream of each partition. */
const [left, right] = [0, 1].map((partition) => ["a", "b", "c", "d", "e"].find((key) => partitionOf(key, partitions) === partition)!) as [
  string,
  string,
];

async function setUp(t: TestContext, view: AnyView) {
  const under = await postgresStore();
  t.after(() => under[Symbol.asyncDispose]());
  const { store, database } = under;
  const { generation } = await feedLive(store, view, partitions);
  const logs = { orders: logWriter("orders", partitions), customers: logWriter("customers", partitions) };
  /** In a batch of their own, from the checkpoint as it is now. */
  const apply = async (events: readonly LogEvent[]): Promise<"applied" | "moved"> => {
    const projection = store.projection(view, generation);
    const { log, partition } = events[0]!;
    const from = await projection.checkpoint(log, partition);
    return projection.apply(from, after(from, events), events);
  };
  /** Another transaction that holds the document's row until it is let go. */
  const hold = async (key: string) => {
    const connection = await database.dedicated();
    t.after(() => connection.close());
    await connection.script("begin");
    const { rowCount } = await connection.query({
      text: `select from ${quoted(documentTable(view.name, generation))} where _key = $1 for update`,
      values: [key],
    });
    assert.equal(rowCount, 1);
    return () => connection.script("rollback");
  };
  /** Documents against a fresh fold of all that was applied. */
  const check = () => assertFold(store, view, generation, [...logs.customers.byPartition.flat(), ...logs.orders.byPartition.flat()]);
  return { ...under, generation, logs, apply, hold, check };
}

/** Both applies, the first of them held at `release`'s row while the second one tries. */
async function meet(
  database: Parameters<typeof blockedOrDone>[0],
  first: () => Promise<string>,
  second: () => Promise<string>,
  release: () => Promise<void>,
): Promise<void> {
  const one = first();
  await blockedOrDone(database, [one]);
  const two = second();
  await blockedOrDone(database, [one, two]);
  await release();
  assert.deepEqual(await Promise.all([one, two]), ["applied", "applied"]);
}

/** A database whose transactions stop when they have read and are about to write and commit. */
function heldBeforeCommit(database: Database) {
  const reached = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const dedicated = async () => {
    const connection = await database.dedicated();
    const pipeline = async (statements: readonly Statement[]) => {
      if (statements.at(-1)!.text === "commit") {
        reached.resolve();
        await going.promise;
      }
      return connection.pipeline(statements);
    };
    return new Proxy(connection, {
      get: (target, name) => (name === "pipeline" ? pipeline : (Reflect.get(target, name, target) as unknown)),
    });
  };
  const held = new Proxy(database, {
    get: (target, name) => (name === "dedicated" ? dedicated : (Reflect.get(target, name, target) as unknown)),
  });
  return { database: held, reached: reached.promise, release: going.resolve };
}

test("a document that comes to refer to a row that is not there yet gets its fields when the row comes about meanwhile", async (t) => {
  const { database, logs, apply, hold, check } = await setUp(t, orderSummaries);
  await apply([logs.orders.add(left, "Created", { customerId: null })]);
  const release = await hold(left);
  const moved = [logs.orders.add(left, "Moved", { customerId: right })];
  const registered = [logs.customers.add(right, "Registered", { name: "Ann", email: "a@example.com" })];
  await meet(
    database,
    () => apply(moved),
    () => apply(registered),
    release,
  );
  await check();
});

test("a document that comes to refer to a row gets the fields of a change that comes meanwhile", async (t) => {
  const { database, logs, apply, hold, check } = await setUp(t, orderSummaries);
  await apply([logs.customers.add(right, "Registered", { name: "Ann", email: "a@example.com" })]);
  await apply([logs.orders.add(left, "Created", { customerId: null })]);
  const release = await hold(left);
  const moved = [logs.orders.add(left, "Moved", { customerId: right })];
  const renamed = [logs.customers.add(right, "Renamed", { name: "Anna" })];
  await meet(
    database,
    () => apply(moved),
    () => apply(renamed),
    release,
  );
  await check();
});

test("two partitions that write one document lose nothing", async (t) => {
  const { store, database, generation, logs, apply, check } = await setUp(t, productStats);
  const add = (stream: string, quantity: number) => logs.orders.add(stream, "Added", { productId: "p", quantity });
  await apply([add(left, 1)]);
  const held = heldBeforeCommit(database);
  const slow = postgresViewStore(held.database, { schema: viewSchema });
  t.after(() => slow.close());
  const from = await store.projection(productStats, generation).checkpoint("orders", partitionOf(left, partitions));
  const first = [add(left, 2)];
  const one = slow.projection(productStats, generation).apply(from, after(from, first), first);
  await held.reached;
  const two = apply([add(right, 4)]);
  await blockedOrDone(database, [two]);
  held.release();
  assert.deepEqual(await Promise.all([one, two]), ["applied", "applied"]);
  await check();
});

test("two partitions that bring about one document lose nothing", async (t) => {
  const { database, logs, apply, hold, check } = await setUp(t, productStats);
  const add = (stream: string, productId: string, quantity = 1) => logs.orders.add(stream, "Added", { productId, quantity });
  await apply([add(left, "q")]);
  const release = await hold("q");
  const first = [add(left, "p", 2), add(left, "q", 2)];
  const second = [add(right, "p", 4)];
  await meet(
    database,
    () => apply(first),
    () => apply(second),
    release,
  );
  await check();
});

test("documents are locked in one order, whatever the order of the events", async (t) => {
  const { database, logs, apply, hold, check } = await setUp(t, productStats);
  const add = (stream: string, productId: string) => logs.orders.add(stream, "Added", { productId, quantity: 1 });
  await apply([add(left, "p"), add(left, "q")]);
  const releases = [await hold("p"), await hold("q")];
  const up = apply([add(left, "q"), add(left, "p")]);
  await blockedOrDone(database, [up]);
  const down = apply([add(right, "p"), add(right, "q")]);
  await blockedOrDone(database, [up, down]);
  for (const release of releases) {
    await release();
    await blockedOrDone(database, [up, down]);
  }
  assert.deepEqual(await Promise.all([up, down]), ["applied", "applied"]);
  await check();
});

test("a claimed row that holds nothing yet is seen by no reader", async (t) => {
  const { store, generation, logs, apply, check } = await setUp(t, productStats);
  await apply([
    logs.orders.add(left, "Added", { productId: "p", quantity: 1 }),
    logs.orders.add(left, "Added", { productId: "p", quantity: -1 }),
  ]);
  assert.deepEqual(await store.get(productStats, generation, ["p"]), [undefined]);
  assert.deepEqual((await store.find(productStats, generation, { where: {}, order: [], limit: 9 })).items, []);
  await check();
});

for (const view of [orderTotals, orderSummaries, productStats]) {
  test(`${view.name}: a checkpoint that differs in nothing but its position, its event or its declared version is not moved`, async (t) => {
    const { store, generation, logs, apply, check } = await setUp(t, view);
    const add = () => logs.orders.add(left, "Added", { productId: "p", quantity: 1 });
    await apply([logs.orders.add(left, "Created", { customerId: null }), add()]);
    const projection = store.projection(view, generation);
    const partition = partitionOf(left, partitions);
    const sibling = Array.from({ length: 100 }, (_, n) => `${left}-${n}`).find((stream) => partitionOf(stream, partitions) === partition)!;
    await check();
    // one document has a statement of its own
    const [one, several] = [() => [add()], () => [add(), logs.orders.add(sibling, "Created", { customerId: null }), add()]];
    for (const batch of [one, several]) {
      const from = await projection.checkpoint("orders", partition);
      const next = batch();
      for (const stale of [
        { ...from, position: from.position - 1 },
        { ...from, position: 0, eventId: null },
        { ...from, eventId: "another" },
      ]) {
        assert.equal(await projection.apply(stale, after(from, next), next), "moved");
      }
      assert.equal(
        await store.projection({ ...view, version: view.version + 1 }, generation).apply(from, after(from, next), next),
        "moved",
      );
      assert.deepEqual(await projection.checkpoint("orders", partition), from);
      assert.equal(await projection.apply(from, after(from, next), next), "applied");
      await check();
    }
  });
}

test("the move of a checkpoint refuses to run outside the transaction that its apply began", async (t) => {
  const { store, database, generation } = await setUp(t, productStats);
  const projection = store.projection(productStats, generation);
  const from = await projection.checkpoint("orders", 0);
  const move = { view: productStats.name, generation, declared: productStats.version, from, to: { ...from, position: 1, eventId: "e" } };
  const [, ...withoutBegin] = beginAndMove(move);
  await database.exclusive(async (connection) => {
    await assert.rejects(connection.pipeline(withoutBegin), (error) => sqlState(error) === "TM002");
  });
  assert.deepEqual(await projection.checkpoint("orders", 0), from);
});

test("a commit that the database answers by a rollback is no commit", async (t) => {
  const { database } = await setUp(t, orderTotals);
  await database.exclusive(async (connection) => {
    await connection.script("begin");
    await assert.rejects(connection.query({ text: "select 1 / 0" }), (error) => sqlState(error) === "22012");
    await assert.rejects(
      commit(connection, [], "it"),
      (error) => isTidemarkError(error, "UNAVAILABLE") && /rolled back/.test(error.message),
    );
  });
});
