import assert from "node:assert/strict";
import { fork } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { kafka, postgres, uniqueName } from "../../test/services.ts";
import { type ChildArgs, schema } from "../../test/topic-child.ts";
import { view } from "../../test/topic-world.ts";
import { logWriter } from "../../test/view-domain.ts";
import { applyAll, assertFold } from "../../test/view-stores.ts";
import { postgresDatabase } from "../postgres/postgres-database.ts";
import { postgresViewCatalog } from "../postgres/view-catalog.ts";
import { openCluster } from "./cluster.ts";
import { kind, viewTopicOf } from "./view-topic-names.ts";
import { topicViewStore } from "./view-topic-store.ts";
import { listOffsets } from "./wire-offsets.ts";

const brokers = (await kafka()).brokers.join(",");
const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function world(t: TestContext) {
  const database = await (await postgres()).createDatabase();
  const prefix = `${uniqueName(t)}-`;
  const folder = mkdtempSync(join(tmpdir(), "view-topic-"));
  const pools: { close(): Promise<void> }[] = [];
  t.after(async () => {
    for (const each of pools) await each.close();
    await database.drop();
    rmSync(folder, { recursive: true });
  });
  const open = () => {
    const sql = postgresDatabase(database.url, { schema, poolSize: 2 });
    const cluster = openCluster({ brokers, prefix });
    const store = topicViewStore({ catalog: postgresViewCatalog(sql, { schema, store: kind }), cluster, prefix, logger: silent });
    pools.push(store, sql);
    return { store, cluster };
  };
  /** A worker that is killed where it says that it is. */
  const killed = async (events: unknown, limit: number, stop: ChildArgs["stop"]) => {
    const file = join(folder, "events.json");
    writeFileSync(file, JSON.stringify(events));
    const args: ChildArgs = { url: database.url, brokers, prefix, file, limit, stop };
    const child = fork(new URL("../../test/topic-child.ts", import.meta.url), [JSON.stringify(args)], {
      execArgv: ["--conditions=source"],
    });
    const exited = once(child, "exit");
    const [said] = (await Promise.race([once(child, "message"), exited])) as [unknown];
    child.kill("SIGKILL");
    await exited;
    assert.equal(said, "there");
  };
  const feed = async (store: ReturnType<typeof open>["store"]) => {
    await store.migrate({ ddl: true });
    await store.ensure(view);
    const projection = store.projection(view, 1);
    await projection.checkpoints(new Map([["orders", 1]]));
    return projection;
  };
  return { open, killed, feed, topic: viewTopicOf(prefix, view.name, 1) };
}

/** Documents of 600 kB, so that a batch of two takes two requests. */
function largeOrders() {
  const log = logWriter("orders", 1);
  for (let i = 0; i < 6; i++) log.add(`o${i}`, "Created", { customerId: `${i}`.repeat(600_000) });
  for (let i = 0; i < 12; i++) log.add(`o${i % 6}`, "Added", { productId: "p", quantity: 1 });
  return log.byPartition;
}

test("killed between the transaction and the checkpoint, again and again: nothing is folded twice", async (t) => {
  const { open, killed, feed } = await world(t);
  const { store } = open();
  const projection = await feed(store);
  const log = largeOrders();
  for (const limit of [2, 7, 18]) await killed(log[0], limit, "move");
  // the topic holds all of it, the catalogue nothing
  assert.equal((await projection.checkpoint("orders", 0)).position, 0);
  const reader = open();
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, log.flat());
  await applyAll(projection, "orders", log, 5);
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, log.flat());
});

test("killed within a transaction: what was sent of it is never seen", async (t) => {
  const { open, killed, feed, topic } = await world(t);
  const { store, cluster } = open();
  const projection = await feed(store);
  const log = largeOrders();
  const reader = open();
  const early = open();
  await applyAll(projection, "orders", [log[0]!.slice(0, 2)], 2);
  await early.store.caughtUp(view, 1);
  const before = (await listOffsets(cluster, topic, [0], "end")).get(0)!;
  await killed(log[0], 4, "second batch");
  // it is there and open: readers end before it
  assert.equal((await listOffsets(cluster, topic, [0], "end")).get(0), before);
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, log[0]!.slice(0, 2));
  await applyAll(projection, "orders", log, 3);
  for (const each of [reader, early]) {
    await each.store.caughtUp(view, 1);
    await assertFold(each.store, view, 1, log.flat());
  }
});
