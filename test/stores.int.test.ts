import assert from "node:assert/strict";
import { test } from "node:test";
import { createClient } from "@clickhouse/client";
import { Client as OpenSearchClient } from "@opensearch-project/opensearch";
import { MongoClient } from "mongodb";
import {
  clickhouse,
  clickhouseClient,
  elasticsearch,
  mongodb,
  opensearch,
  privateClickhouse,
  privateMongodb,
  privateSearch,
  type TestStore,
} from "./services.ts";
import { oldElasticsearch } from "./services/old-elasticsearch.ts";

/** Kills the server, starts it again on its port and data, and stops it in the end. */
async function killAndStart(server: TestStore): Promise<void> {
  const before = server.pid;
  await server.kill();
  assert.equal(server.pid, undefined);
  await assert.rejects(fetch(server.url.replace(/^mongodb/, "http")), "the port is closed");
  await server.start();
  assert.notEqual(server.pid, before);
}

test("a killed MongoDB comes back on its port with what it acknowledged", async (t) => {
  const server = await privateMongodb();
  t.after(() => server.stop());
  const client = new MongoClient(server.url);
  t.after(() => client.close());
  const kept = client.db("kept").collection<{ _id: number }>("kept");
  await kept.insertOne({ _id: 1 });
  await killAndStart(server);
  assert.deepEqual(await kept.find().toArray(), [{ _id: 1 }]);
});

test("a killed OpenSearch comes back on its port with what it acknowledged", async (t) => {
  const server = await privateSearch("opensearch");
  t.after(() => server.stop());
  const client = new OpenSearchClient({ node: server.url });
  t.after(() => client.close());
  await client.index({ index: "kept", id: "1", body: { n: 1 } });
  await killAndStart(server);
  assert.deepEqual((await client.get({ index: "kept", id: "1" })).body._source, { n: 1 });
});

test("a killed Elasticsearch comes back on its port with what it acknowledged", async (t) => {
  const server = await privateSearch("elasticsearch");
  t.after(() => server.stop());
  const client = oldElasticsearch(server.url);
  t.after(() => client.close());
  await client.index({ index: "kept", id: "1", document: { n: 1 } });
  await killAndStart(server);
  assert.deepEqual((await client.get({ index: "kept", id: "1" }))._source, { n: 1 });
});

test("a killed ClickHouse comes back on its port with what it acknowledged", async (t) => {
  const server = await privateClickhouse();
  t.after(() => server.stop());
  const { url } = await server.createDatabase("kept");
  const client = createClient({ url });
  t.after(() => client.close());
  await client.command({ query: "create table kept (n UInt64) engine = MergeTree order by n" });
  await client.insert({ table: "kept", values: [{ n: 1 }], format: "JSONEachRow" });
  await killAndStart(server);
  const rows = await client.query({ query: "select n from kept", format: "JSONEachRow" });
  assert.deepEqual(await rows.json(), [{ n: 1 }]);
});

test("a MongoDB database is gone after drop, and the driver sees a replica set with transactions", async () => {
  const database = await (await mongodb()).createDatabase();
  const client = new MongoClient(database.url);
  try {
    const names = async (): Promise<string[]> => (await client.db().admin().listDatabases()).databases.map(({ name }) => name);
    await client.withSession((session) =>
      session.withTransaction(() => client.db().collection<{ _id: string }>("c").insertOne({ _id: "a" }, { session })),
    );
    assert.equal(client.db().databaseName, database.name);
    assert.ok((await names()).includes(database.name));
    await database.drop();
    assert.ok(!(await names()).includes(database.name));
  } finally {
    await client.close();
  }
});

for (const [name, engine] of Object.entries({ opensearch, elasticsearch })) {
  test(`the indexes of a prefix are gone after drop: ${name}`, async () => {
    const { url, createPrefix } = await engine();
    const [mine, other] = [createPrefix(), createPrefix()];
    const exists = async (index: string): Promise<boolean> => (await fetch(`${url}/${index}`, { method: "HEAD" })).ok;
    for (const index of [`${mine.name}a`, `${mine.name}b`, `${other.name}a`]) await fetch(`${url}/${index}`, { method: "PUT" });
    assert.ok(await exists(`${mine.name}b`));
    await mine.drop();
    assert.ok(!(await exists(`${mine.name}b`)));
    assert.ok(await exists(`${other.name}a`));
    await other.drop();
  });
}

test("a ClickHouse database is gone after drop", async () => {
  const server = await clickhouse();
  const database = await server.createDatabase();
  const client = createClient({ url: server.url });
  try {
    const count = async (): Promise<unknown> =>
      await (
        await client.query({ query: `select name from system.databases where name = '${database.name}'`, format: "JSONEachRow" })
      ).json();
    assert.deepEqual(await count(), [{ name: database.name }]);
    await database.drop();
    assert.deepEqual(await count(), []);
  } finally {
    await client.close();
  }
});

for (const kind of ["server", "embedded"] as const) {
  test(`the official client works the same on a ClickHouse of either kind: ${kind}`, async () => {
    await using connection = await clickhouseClient(kind);
    const { client, database } = connection;
    const table = `${database}.t`;
    await client.command({
      query: `create table ${table} (id String, v UInt64, at DateTime64(3)) engine = ReplacingMergeTree(v) order by id`,
    });
    const at = "2026-01-01 00:00:00.123";
    for (const v of ["1", "9007199254740993"]) await client.insert({ table, values: [{ id: "it's \\ ü", v, at }], format: "JSONEachRow" });
    const rows = await client.query({
      query: `select * from ${table} final where id = {id:String}`,
      query_params: { id: "it's \\ ü" },
      clickhouse_settings: { output_format_json_quote_64bit_integers: 1 },
      format: "JSONEachRow",
    });
    assert.deepEqual(await rows.json(), [{ id: "it's \\ ü", v: "9007199254740993", at }]);
    await assert.rejects(client.command({ query: `select unknown from ${table}` }), { code: "47", type: "UNKNOWN_IDENTIFIER" });
  });
}
