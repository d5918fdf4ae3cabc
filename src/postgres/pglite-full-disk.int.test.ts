/** PGlite on a full disk: what is under way fails by name, nothing hangs, and what was acknowledged is there after a new start. */
import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createRequire, syncBuiltinESMExports } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../../test/memory-world.ts";
import { isTidemarkError } from "../errors.ts";
import { pgliteDatabase } from "./pglite-database.ts";

// PGlite writes its files by descriptor, synchronously.
const fs = createRequire(import.meta.url)("node:fs") as typeof import("node:fs");
const { writeSync } = fs;
let full = false;
fs.writeSync = (...args: readonly unknown[]) => {
  if (full && Number(args[0]) > 2)
    throw Object.assign(new Error("ENOSPC: no space left on device, write"), { code: "ENOSPC", errno: -28, syscall: "write" });
  return Reflect.apply(writeSync, fs, args) as number;
};
const { statfsSync } = fs;
let roomy = true;
fs.statfsSync = ((path: string) => Object.assign(statfsSync(path), roomy ? {} : { bavail: 10 })) as typeof fs.statfsSync;
syncBuiltinESMExports();

test("a panic is told as such, to everybody after it at once, and a new start has what was acknowledged", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-full-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  const open = () => pgliteDatabase(join(folder, "data"), { schema: "public" });
  const database = await open();
  await database.query({ text: "create table kept(id int primary key)" });
  await database.query({ text: "insert into kept values (1)" });
  t.after(() => (full = false));
  full = true;
  const insert = () => database.query({ text: "insert into kept values (2)" });
  await assert.rejects(insert, (error) => isTidemarkError(error, "UNAVAILABLE") && /No space left/.test(error.message));
  await assert.rejects(insert, (error) => isTidemarkError(error, "UNAVAILABLE") && /start the process again/.test(error.message));
  await assert.rejects(
    () => database.exclusive((connection) => connection.query({ text: "select 1" })),
    (error) => isTidemarkError(error, "UNAVAILABLE"),
  );
  full = false;
  await assert.rejects(insert, (error) => isTidemarkError(error, "UNAVAILABLE"), "its memory is not to be trusted any more");
  await database.close();
  const again = await open();
  const { rows } = await again.query<{ id: number }>({ text: "select id from kept order by id" });
  await again.query({ text: "insert into kept values (3)" });
  await again.close();
  assert.deepEqual(rows, [{ id: 1 }]);
});

test("while the disk has no room everything is refused before the database could meet it, and goes on by itself afterwards", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-full-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  t.after(() => (roomy = true));
  const database = await pgliteDatabase(join(folder, "data"), { schema: "public" });
  await database.query({ text: "create table kept(id int primary key)" });
  roomy = false;
  const refused = (error: unknown) => isTidemarkError(error, "UNAVAILABLE") && /MiB are free on its disk/.test(error.message);
  await eventually("the next look at the disk", async () => {
    try {
      await database.query({ text: "select 1" });
      return false;
    } catch (error) {
      return refused(error);
    }
  });
  await assert.rejects(() => database.exclusive((connection) => connection.query({ text: "insert into kept values (1)" })), refused);
  roomy = true;
  await eventually("there is room again", async () => {
    try {
      return (await database.query({ text: "insert into kept values (2)" })).rowCount === 1;
    } catch (error) {
      return !refused(error);
    }
  });
  assert.deepEqual((await database.query({ text: "select id from kept" })).rows, [{ id: 2 }]);
  await database.close();
});
