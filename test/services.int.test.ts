import assert from "node:assert/strict";
import { test } from "node:test";
import { Admin } from "@platformatic/kafka";
import pg from "pg";
import { kafka, postgres, privateKafka, privatePostgres, type TestKafka, uniqueName } from "./services.ts";

test("a unique name is a legal topic and database name", (t) => {
  assert.match(uniqueName(t), /^t_[a-z0-9_]{1,26}_[0-9a-f]{10}$/);
  assert.notEqual(uniqueName(t), uniqueName(t));
});

test("a database belongs to its owner, and is gone after drop", async (t) => {
  const server = await postgres();
  const owner = uniqueName(t);
  const database = await server.createDatabase(undefined, { owner });
  const row = await queryOne(
    database.url,
    "select current_user as user, current_setting('fsync') as fsync, (select rolsuper from pg_roles where rolname = current_user) as super",
  );
  assert.deepEqual(row, { user: owner, fsync: "on", super: false });
  await database.drop();
  await assert.rejects(queryOne(database.url, "select 1"), { code: "3D000" });
});

test('text sorts by language, so that a missing collate "C" shows', async () => {
  const { adminUrl } = await postgres();
  assert.deepEqual(await queryOne(adminUrl, `select 'a' < 'B' as by_language, 'a' < 'B' collate "C" as by_code_point`), {
    by_language: true,
    by_code_point: false,
  });
});

test("Kafka creates no topic by itself", async (t) => {
  const admin = new Admin({ clientId: uniqueName(t), bootstrapBrokers: (await kafka()).brokers, retries: 0 });
  t.after(() => admin.close());
  const topic = uniqueName(t);
  await assert.rejects(admin.metadata({ topics: [topic] }));
  await admin.createTopics({ topics: [topic], partitions: 3, replicas: 1 });
  const { topics } = await admin.metadata({ topics: [topic] });
  assert.equal(topics.get(topic)?.partitionsCount, 3);
});

test("a killed PostgreSQL comes back on its port with what it acknowledged", async (t) => {
  const server = await privatePostgres();
  t.after(() => server.stop());
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  await client.query("create table kept (n int)");
  await client.query("insert into kept values (1)");
  const errors: string[] = [];
  client.on("error", (error) => errors.push(error.message));
  const lost = new Promise<void>((resolve) => client.once("end", resolve));
  await server.kill();
  await lost;
  assert.notEqual(errors.length, 0);
  assert.equal(server.pid, undefined);
  await server.start();
  assert.deepEqual(await queryOne(server.adminUrl, "select n from kept"), { n: 1 });
});

test("a killed Kafka comes back on its port with its topics", async (t) => {
  const server = await privateKafka();
  t.after(() => server.stop());
  const topic = uniqueName(t);
  await withAdmin(server, (admin) => admin.createTopics({ topics: [topic], partitions: 2, replicas: 1 }));
  const before = server.pid;
  await server.kill();
  assert.equal(server.pid, undefined);
  await server.start();
  assert.notEqual(server.pid, before);
  assert.deepEqual(await withAdmin(server, (admin) => admin.listTopics()), [topic]);
});

async function queryOne(url: string, sql: string): Promise<unknown> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(sql)).rows[0];
  } finally {
    await client.end();
  }
}

async function withAdmin<T>(server: TestKafka, act: (admin: Admin) => Promise<T>): Promise<T> {
  const admin = new Admin({ clientId: "services-test", bootstrapBrokers: server.brokers });
  try {
    return await act(admin);
  } finally {
    await admin.close();
  }
}
