/** A process that answers queries alone writes nothing: its user may have the right to read, and no other. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { kafka, postgres, uniqueName } from "../../test/services.ts";
import { view } from "../../test/topic-world.ts";
import { eventsOf, random, randomLogs } from "../../test/view-domain.ts";
import { applyAll, assertFold } from "../../test/view-stores.ts";
import { postgresDatabase } from "../postgres/postgres-database.ts";
import { postgresViewCatalog } from "../postgres/view-catalog.ts";
import { querySide } from "../runtime/queries.ts";
import { openCluster } from "./cluster.ts";
import { kind, viewTopicOf } from "./view-topic-names.ts";
import { deleteTopic } from "./view-topic-setup.ts";
import { topicViewStore } from "./view-topic-store.ts";

const brokers = (await kafka()).brokers.join(",");
const silent = { debug() {}, info() {}, warn() {}, error() {} };
const schema = "views";

test("queries of a topic are answered on a read database that takes no writes", async (t) => {
  const database = await (await postgres()).createDatabase();
  const prefix = `${uniqueName(t)}-`;
  const opened: { close(): Promise<void> }[] = [];
  t.after(async () => {
    for (const each of opened) await each.close();
    await database.drop();
  });
  const open = (parameters: Readonly<Record<string, string>> = {}) => {
    const url = new URL(database.url);
    for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value);
    const sql = postgresDatabase(url.href, { schema, poolSize: 2 });
    const cluster = openCluster({ brokers, prefix });
    const store = topicViewStore({ catalog: postgresViewCatalog(sql, { schema, store: kind }), cluster, prefix, logger: silent });
    opened.push(store, sql);
    return { store, sql, cluster };
  };
  const worker = open();
  opened.unshift({ close: () => deleteTopic(worker.cluster, viewTopicOf(prefix, view.name, 1)) });
  await worker.store.migrate({ ddl: true });
  await worker.store.ensure(view);
  const projection = worker.store.projection(view, 1);
  const reader = open({ options: "-c default_transaction_read_only=on" });
  await assert.rejects(reader.sql.query({ text: `delete from ${schema}.tidemark_migrations` }), /read-only/);
  await reader.store.migrate({ ddl: false });
  await projection.checkpoints(new Map([["orders", 1]]));
  const logs = randomLogs(random(9), { partitions: 1, orders: 10, customers: 2, orderEvents: 60, customerEvents: 0 });
  await applyAll(projection, "orders", logs.orders, 20);
  const queries = await querySide({ stores: new Map([[view, reader.store]]) });
  opened.unshift(queries);
  assert.notEqual((await queries.get(view, logs.orders[0]![0]!.stream)).value, null);
  await reader.store.caughtUp(view, 1);
  await assertFold(reader.store, view, 1, eventsOf(logs));
});
