import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { allRoles, isWhole, readSettings, sharesDatabase } from "./settings.ts";

test("unset, everything is embedded in one process", () => {
  const settings = readSettings({});
  assert.deepEqual(
    { ...settings, roles: [...settings.roles] },
    {
      databaseUrl: null,
      readDatabaseUrl: null,
      kafkaBrokers: null,
      dataFolder: ".tidemark",
      partitions: null,
      roles: [...allRoles],
      port: 3000,
      host: "127.0.0.1",
      prefix: "",
      migrate: true,
      relayOwnership: true,
      logLevel: "warn",
    },
  );
  assert.ok(isWhole(settings));
});

test("an empty value is as good as none", () => {
  assert.equal(readSettings({ DATABASE_URL: "", PORT: " " }).port, 3000);
});

test("brokers by name and by address, of either family", () => {
  assert.deepEqual(readSettings({ KAFKA_BROKERS: "kafka-1:9092, 127.0.0.1:9093,[::1]:9094" }).kafkaBrokers, [
    "kafka-1:9092",
    "127.0.0.1:9093",
    "[::1]:9094",
  ]);
});

test("real parts are logged about", () => {
  assert.equal(readSettings({ DATABASE_URL: "postgres://u:p@h/d" }).logLevel, "info");
});

for (const { name, environment, setting, says } of [
  { name: "a port beyond the last", environment: { PORT: "65536" }, setting: "PORT", says: /0 to 65535/ },
  { name: "a port in words", environment: { PORT: "web" }, setting: "PORT", says: /whole number/ },
  { name: "no partition", environment: { TIDEMARK_PARTITIONS: "0" }, setting: "TIDEMARK_PARTITIONS", says: /1 to/ },
  { name: "an unknown role", environment: { TIDEMARK_ROLES: "command,reley" }, setting: "TIDEMARK_ROLES", says: /'reley'/ },
  { name: "a URL of another database", environment: { DATABASE_URL: "mysql://u:secret@h/d" }, setting: "DATABASE_URL", says: /postgres:/ },
  { name: "no URL", environment: { READ_DATABASE_URL: "secret" }, setting: "READ_DATABASE_URL", says: /postgres:/ },
  { name: "brokers without a port", environment: { KAFKA_BROKERS: "localhost" }, setting: "KAFKA_BROKERS", says: /host:9092/ },
  { name: "a prefix with a blank", environment: { TIDEMARK_PREFIX: "a b" }, setting: "TIDEMARK_PREFIX", says: /'a b'/ },
  { name: "migrate neither on nor off", environment: { TIDEMARK_MIGRATE: "yes" }, setting: "TIDEMARK_MIGRATE", says: /on, off/ },
  {
    name: "the command role alone without its database",
    environment: { TIDEMARK_ROLES: "command" },
    setting: "DATABASE_URL",
    says: /'command'/,
  },
  {
    name: "the relay alone without Kafka",
    environment: { TIDEMARK_ROLES: "relay", DATABASE_URL: "postgres://h/d" },
    setting: "KAFKA_BROKERS",
    says: /'relay'/,
  },
  {
    name: "the projection alone without its database",
    environment: { TIDEMARK_ROLES: "projection", KAFKA_BROKERS: "h:1" },
    setting: "READ_DATABASE_URL",
    says: /'projection'/,
  },
  { name: "the query alone without its database", environment: { TIDEMARK_ROLES: "query" }, setting: "READ_DATABASE_URL", says: /'query'/ },
]) {
  test(`refused by name: ${name}`, () => {
    assert.throws(
      () => readSettings(environment),
      (error) =>
        isTidemarkError(error, "INVALID_SETTING") &&
        error.details.setting === setting &&
        says.test(error.message) &&
        !error.message.includes("secret"),
    );
  });
}

test("a query process needs its database alone", () => {
  const settings = readSettings({ TIDEMARK_ROLES: "query", READ_DATABASE_URL: "postgres://h/d" });
  assert.deepEqual([...settings.roles], ["query"]);
});

test("the same database under other users and with the port spelt out is the same", () => {
  assert.ok(sharesDatabase({ databaseUrl: "postgres://a:1@h/d", readDatabaseUrl: "postgresql://b:2@h:5432/d?sslmode=require" }));
  assert.ok(!sharesDatabase({ databaseUrl: "postgres://a:1@h/d", readDatabaseUrl: "postgres://a:1@h/e" }));
  assert.ok(!sharesDatabase({ databaseUrl: "postgres://a:1@h/d", readDatabaseUrl: null }));
});
