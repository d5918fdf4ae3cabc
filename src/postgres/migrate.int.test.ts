import assert from "node:assert/strict";
import { test } from "node:test";
import { engines, testSchema } from "../../test/write-side.ts";
import { isTidemarkError } from "../errors.ts";
import { migrateWriteStore } from "./event-store.ts";
import { migrate } from "./migrate.ts";

const one = { name: "0001-one", sql: "create table one(n int); insert into one values (1);" };
const two = { name: "0002-two", sql: "alter table one add column m int;" };
const base = { schema: testSchema, kind: "test", ddl: true };

for (const engine of engines) {
  test(`${engine.name}: each migration runs once, in order, whoever runs it`, async (t) => {
    const { database, again } = await engine.open(t);
    const others = [database, await again(), await again()];
    const ran = await Promise.all(others.map((each) => migrate(each, { ...base, migrations: [one] })));
    assert.deepEqual(
      ran.toSorted((a, b) => a - b),
      [0, 0, 1],
    );
    assert.equal(await migrate(database, { ...base, migrations: [one, two] }), 1);
    assert.equal(await migrate(database, { ...base, migrations: [one, two] }), 0);
    assert.deepEqual((await database.query({ text: "select * from one" })).rows, [{ n: 1, m: null }]);
    assert.deepEqual((await database.query({ text: "select kind, version, name from tidemark_migrations order by version" })).rows, [
      { kind: "test", version: 1, name: "0001-one" },
      { kind: "test", version: 2, name: "0002-two" },
    ]);
  });

  test(`${engine.name}: without DDL rights the version is only checked`, async (t) => {
    const { database } = await engine.open(t);
    const outdated = migrate(database, { ...base, ddl: false, migrations: [one] });
    await assert.rejects(outdated, (error) => isTidemarkError(error, "SCHEMA_OUTDATED") && error.message.includes("version 0"));
    await migrate(database, { ...base, migrations: [one, two] });
    assert.equal(await migrate(database, { ...base, ddl: false, migrations: [one, two] }), 0);
    await assert.rejects(migrate(database, { ...base, migrations: [one] }), (error) => isTidemarkError(error, "SCHEMA_NEWER"));
  });

  test(`${engine.name}: a migration that fails leaves nothing`, async (t) => {
    const { database } = await engine.open(t);
    await assert.rejects(migrate(database, { ...base, migrations: [one, { name: "bad", sql: "create table half(n int); select 1/0;" }] }));
    assert.deepEqual((await database.query({ text: "select to_regclass('half') as half, to_regclass('one') as one" })).rows, [
      { half: null, one: null },
    ]);
  });

  test(`${engine.name}: numbers may have gaps, and one that comes later into a gap is still run`, async (t) => {
    const { database } = await engine.open(t);
    const ten = { name: "0010-ten", sql: "create table ten(n int);" };
    assert.equal(await migrate(database, { ...base, migrations: [one, ten] }), 2);
    const outdated = migrate(database, { ...base, ddl: false, migrations: [one, two, ten] });
    await assert.rejects(outdated, (error) => isTidemarkError(error, "SCHEMA_OUTDATED") && error.message.includes("version 1"));
    assert.equal(await migrate(database, { ...base, migrations: [one, two, ten] }), 1);
    assert.deepEqual((await database.query({ text: "select version from tidemark_migrations order by version" })).rows, [
      { version: 1 },
      { version: 2 },
      { version: 10 },
    ]);
    await assert.rejects(migrate(database, { ...base, migrations: [one, two] }), (error) => isTidemarkError(error, "SCHEMA_NEWER"));
  });

  test(`${engine.name}: the write store migrates twice without effect`, async (t) => {
    const { database } = await engine.open(t);
    assert.ok((await migrateWriteStore(database, { schema: testSchema, ddl: true })) > 0);
    assert.equal(await migrateWriteStore(database, { schema: testSchema, ddl: true }), 0);
    assert.equal(await migrateWriteStore(database, { schema: testSchema, ddl: false }), 0);
  });
}
