import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { freezingProxy } from "../../test/freezing-proxy.ts";
import { postgres } from "../../test/services.ts";
import { testSchema, write } from "../../test/write-side.ts";
import { isTidemarkError } from "../errors.ts";
import { eventStore, migrateWriteStore } from "./event-store.ts";
import { openDatabase } from "./open-database.ts";

async function behindProxy(t: TestContext) {
  const created = await (await postgres()).createDatabase();
  const url = new URL(created.url);
  const proxy = await freezingProxy({ host: url.hostname, port: Number(url.port) });
  url.port = String(proxy.port);
  url.hostname = "127.0.0.1";
  const database = await openDatabase({ url: url.href }, { schema: testSchema });
  t.after(async () => {
    await database.close();
    await proxy.close();
    await created.drop();
  });
  await migrateWriteStore(database, { schema: testSchema, ddl: true });
  const store = eventStore(database, { lanes: 1, answerTimeoutMs: 300 });
  await store.openLogs(["orders"], 1);
  return { proxy, database, store };
}

test("a server that does not answer any more is lost: callers hear of it, and new connections go on", async (t) => {
  const { proxy, database, store } = await behindProxy(t);
  await store.append(0, [write("a", 1)]);
  const { epoch } = database;
  proxy.freeze();
  const unavailable = (error: unknown) => isTidemarkError(error, "UNAVAILABLE");
  await Promise.all([assert.rejects(store.append(0, [write("b", 1)]), unavailable), assert.rejects(store.heads("orders"), unavailable)]);
  assert.ok(store.epoch > epoch);
  proxy.thaw();
  assert.deepEqual(
    (await store.append(0, [write("c", 1)])).map((outcome) => outcome.status),
    ["appended"],
  );
  assert.deepEqual(await store.heads("orders"), [2]);
});

test("closing does not wait for a server that does not answer any more", { timeout: 30_000 }, async (t) => {
  const { proxy, database, store } = await behindProxy(t);
  await store.append(0, [write("a", 1)]);
  await store.onAppended(() => undefined);
  proxy.freeze();
  await store.close();
  await database.close();
  await assert.rejects(store.append(0, [write("b", 1)]), (error: unknown) => isTidemarkError(error, "CLOSED"));
});
