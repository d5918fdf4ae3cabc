import assert from "node:assert/strict";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { openDatabase } from "./open-database.ts";

test("a folder whose making was cut off is made anew; one that was used is kept", async (t) => {
  const parent = mkdtempSync(join(tmpdir(), "tidemark-pglite-"));
  t.after(() => rmSync(parent, { recursive: true, force: true }));
  const dataDir = join(parent, "write");
  // as a process leaves it that is killed in the middle of making the cluster
  mkdirSync(dataDir);
  writeFileSync(join(dataDir, "PG_VERSION"), "18\n");
  writeFileSync(`${dataDir}.unfinished`, "");

  const first = await openDatabase({ dataDir }, { schema: "public" });
  await first.query({ text: "create table kept(a int)" });
  await first.query({ text: "insert into kept values (7)" });
  await first.close();
  assert.ok(!existsSync(`${dataDir}.unfinished`));

  const second = await openDatabase({ dataDir }, { schema: "public" });
  t.after(() => second.close());
  assert.deepEqual((await second.query({ text: "select a from kept" })).rows, [{ a: 7 }]);
});
