import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import pg from "pg";
import { root } from "./source-files.ts";

const run = promisify(execFile);
const main = join(root, "scripts/services/main.ts");

test("services: up is idempotent, down stops, and the next up has the same URLs and data", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "tidemark-command-"));
  const services = (...args: string[]) => run(process.execPath, [main, ...args], { env: { ...process.env, TIDEMARK_SERVICES: dir } });
  t.after(async () => {
    await services("down");
    rmSync(dir, { recursive: true, force: true });
  });

  const first = await services("up", "postgres");
  const { DATABASE_URL = "", READ_DATABASE_URL = "" } = Object.fromEntries(
    first.stdout
      .trim()
      .split("\n")
      .map((line) => line.split("=")),
  ) as Record<string, string>;
  assert.notEqual(DATABASE_URL, READ_DATABASE_URL);
  await query(DATABASE_URL, "create table kept (n int)");
  await query(READ_DATABASE_URL, "select 1");
  assert.equal(readFileSync(join(dir, "env"), "utf8"), first.stdout);

  const second = await services("up", "postgres");
  assert.equal(second.stdout, first.stdout);
  assert.match(second.stderr, /runs already/);
  assert.match((await services("status")).stdout, /^kafka +down\npostgres +up at /);

  assert.match((await services("down", "postgres")).stderr, /postgres is stopped/);
  assert.match((await services("status")).stdout, /^postgres +down$/m);
  await assert.rejects(query(DATABASE_URL, "select 1"), { code: "ECONNREFUSED" });

  assert.equal((await services("up", "postgres")).stdout, first.stdout);
  await query(DATABASE_URL, "select n from kept");
});

test("services: an unknown service is refused by name", async () => {
  await assert.rejects(run(process.execPath, [main, "up", "mysql"]), { code: 2, stderr: /There is no service 'mysql'/ });
});

test("services: what is missing on the machine is named", async (t) => {
  const dir = mkdtempSync(join(tmpdir(), "tidemark-command-"));
  t.after(() => rmSync(dir, { recursive: true, force: true }));
  const env = { PATH: dir, TIDEMARK_SERVICES: dir };
  await assert.rejects(run(process.execPath, [main, "up", "kafka"], { env }), {
    code: 1,
    stderr: /^Kafka needs a Java runtime, version 17 or newer\. Install one/,
  });
});

async function query(url: string, sql: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await client.query(sql);
  } finally {
    await client.end();
  }
}
