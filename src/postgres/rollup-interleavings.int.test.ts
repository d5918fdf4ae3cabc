/** Applies of several partitions that meet in the same groups, and one that dies between its steps. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { blockedOrDone } from "../../test/blocked.ts";
import { assertGroups, byCustomer, byQuantity } from "../../test/rollup-domain.ts";
import { logWriter } from "../../test/view-domain.ts";
import { after, feedLive, postgresStore } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { partitionOf } from "../core/partition.ts";
import { groupsTable, rowsTable } from "./rollup-tables.ts";
import { quoted } from "./view-names.ts";

const partitions = 2;
/** Streams of each partition. */
const streams = [0, 1].map((partition) =>
  Array.from({ length: 60 }, (_, i) => `o-${i}`).filter((key) => partitionOf(key, partitions) === partition),
);
const [left, right] = streams as [string[], string[]];

async function setUp(t: TestContext, definition: AnyView) {
  const under = await postgresStore();
  t.after(() => under[Symbol.asyncDispose]());
  const { store, database } = under;
  const projection = await feedLive(store, definition, partitions);
  const log = logWriter("orders", partitions);
  const apply = async (events: readonly LogEvent[]): Promise<"applied" | "moved"> => {
    const from = await projection.checkpoint("orders", events[0]!.partition);
    return projection.apply(from, after(from, events), events);
  };
  /** Another transaction that holds a row of `table` until it is let go. */
  const hold = async (table: string, key: string) => {
    const connection = await database.dedicated();
    t.after(() => connection.close());
    await connection.script("begin");
    const { rowCount } = await connection.query({ text: `select from ${quoted(table)} where _key = $1 for update`, values: [key] });
    assert.equal(rowCount, 1);
    return () => connection.script("rollback");
  };
  const check = (events = log.byPartition.flat()) => assertGroups(store, definition, 1, events);
  return { ...under, projection, log, apply, hold, check };
}

test("two partitions that change the same groups in opposite orders wait for one another, and both count", async (t) => {
  const { database, log, apply, hold, check } = await setUp(t, byCustomer);
  const create = (stream: string, customerId: string) => log.add(stream, "Created", { customerId });
  assert.equal(await apply(["a", "m", "z"].map((key, i) => create(left[i]!, key))), "applied");
  const release = await hold(groupsTable(byCustomer.name, 1), "m");
  const one = apply(["a", "m", "z"].map((key, i) => create(left[3 + i]!, key)));
  await blockedOrDone(database, [one]);
  const two = apply(["z", "m", "a"].map((key, i) => create(right[i]!, key)));
  await blockedOrDone(database, [one, two]);
  await release();
  assert.deepEqual(await Promise.all([one, two]), ["applied", "applied"]);
  await check();
});

test("a group that one partition empties while another adds to it is made anew", async (t) => {
  const { database, log, apply, hold, check } = await setUp(t, byCustomer);
  assert.equal(await apply([log.add(left[0]!, "Created", { customerId: "c" })]), "applied");
  const release = await hold(groupsTable(byCustomer.name, 1), "c");
  const leaves = apply([log.add(left[0]!, "Erased", {})]);
  await blockedOrDone(database, [leaves]);
  const comes = apply([log.add(right[0]!, "Created", { customerId: "c" })]);
  await blockedOrDone(database, [leaves, comes]);
  await release();
  assert.deepEqual(await Promise.all([leaves, comes]), ["applied", "applied"]);
  await check();
});

test("two partitions that write one document count it once, with what both made of it", async (t) => {
  const { database, log, apply, hold, check } = await setUp(t, byQuantity);
  const add = (stream: string, quantity: number) => log.add(stream, "Added", { productId: "p", quantity });
  assert.equal(await apply([add(left[0]!, 1)]), "applied");
  const release = await hold(rowsTable(byQuantity.name, 1), "p");
  const one = apply([add(left[1]!, 2)]);
  await blockedOrDone(database, [one]);
  const two = apply([add(right[0]!, 4)]);
  await blockedOrDone(database, [one, two]);
  await release();
  assert.deepEqual(await Promise.all([one, two]), ["applied", "applied"]);
  await check();
});

test("an apply that dies between its steps has done nothing, and is done again in full", async (t) => {
  const { database, log, apply, hold, check, projection } = await setUp(t, byCustomer);
  assert.equal(
    await apply([log.add(left[0]!, "Created", { customerId: "c" }), log.add(left[1]!, "Created", { customerId: "d" })]),
    "applied",
  );
  const before = log.byPartition.flat();
  const from = await projection.checkpoint("orders", 0);
  const batch = [log.add(left[0]!, "Moved", { customerId: "d" }), log.add(left[2]!, "Created", { customerId: "e" })];
  const release = await hold(groupsTable(byCustomer.name, 1), "d");
  // its checkpoint, its rows and the groups before this one are written by now
  const dying = projection.apply(from, after(from, batch), batch);
  await blockedOrDone(database, [dying]);
  const failed = assert.rejects(dying, { code: "UNAVAILABLE" });
  await database.query({
    text: "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0",
  });
  await failed;
  await release();
  assert.deepEqual(await projection.checkpoint("orders", 0), from);
  await check(before);
  assert.equal(await projection.apply(from, after(from, batch), batch), "applied");
  await check();
});
