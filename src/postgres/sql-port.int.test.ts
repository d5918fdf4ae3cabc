import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { engines } from "../../test/write-side.ts";
import { isTidemarkError } from "../errors.ts";
import { openDatabase } from "./open-database.ts";
import { imageFolder, type ImageCache } from "./pglite-image.ts";
import { sqlState } from "./sql-errors.ts";

for (const engine of engines) {
  test(`${engine.name}: values come out alike`, async (t) => {
    const { database } = await engine.open(t);
    const { rows, rowCount } = await database.query({
      text: `select 9007199254740991::int8 as big, '{"a":[1]}'::json as json, '{"a":1}'::jsonb as jsonb, '2026-02-03'::date as date, 1.50::numeric as money,
               array[1,2]::int8[] as bigs, true as yes, null::text as nothing, '2026-01-02T03:04:05.678Z'::timestamptz as at`,
    });
    assert.equal(rowCount, 1);
    assert.deepEqual(rows, [
      {
        big: 9007199254740991,
        json: { a: [1] },
        jsonb: { a: 1 },
        date: "2026-02-03",
        money: "1.50",
        bigs: [1, 2],
        yes: true,
        nothing: null,
        at: new Date("2026-01-02T03:04:05.678Z"),
      },
    ]);
    await assert.rejects(database.query({ text: "select 9007199254740993::int8 as big" }), /2\^53/);
  });

  test(`${engine.name}: array parameters go in alike`, async (t) => {
    const { database } = await engine.open(t);
    const uuid = "0190a5b0-0000-7000-8000-0000000000ff";
    const { rows } = await database.query({
      name: "arrays",
      text: "select $1::text[] as t, $2::int4[] as i, $3::int8[] as b, $4::bool[] as y, $5::uuid[] as u, $6::float8[] as f, $7::text[] as none",
      values: [
        database.array("text", ["é 😀", "", null]),
        database.array("int4", [-1, 2]),
        database.array("int8", [2 ** 40, null]),
        database.array("bool", [true, false]),
        database.array("uuid", [uuid]),
        database.array("float8", [1.5, -0.25]),
        database.array("text", []),
      ],
    });
    assert.deepEqual(rows, [
      { t: ["é 😀", "", null], i: [-1, 2], b: [2 ** 40, null], y: [true, false], u: [uuid], f: [1.5, -0.25], none: [] },
    ]);
  });

  test(`${engine.name}: sessions are as the design wants them`, async (t) => {
    const { database } = await engine.open(t, { settings: { enable_seqscan: "off" } });
    const { rows } = await database.query({
      text: `select current_setting('transaction_isolation') as isolation, current_setting('jit') as jit, current_setting('TimeZone') as zone, current_setting('enable_seqscan') as scan,
               current_setting('search_path') as path`,
    });
    assert.deepEqual(rows, [
      {
        isolation: "read committed",
        jit: "off",
        zone: "UTC",
        scan: "off",
        path: engine.name === "postgres" ? '"tidemark_test"' : "tidemark_test",
      },
    ]);
  });

  test(`${engine.name}: a pipeline gives all results, or the first error after all have settled`, async (t) => {
    const { database } = await engine.open(t);
    const results = await database.exclusive((c) =>
      c.pipeline([{ text: "begin" }, { text: "select $1::int as n", values: [7] }, { text: "commit" }]),
    );
    assert.deepEqual(
      results.map((r) => r.command),
      ["BEGIN", "SELECT", "COMMIT"],
    );
    assert.deepEqual(results[1]!.rows, [{ n: 7 }]);
    const failed = database.exclusive((c) => c.pipeline([{ text: "begin" }, { text: "select 1/0" }, { text: "select nope" }]));
    await assert.rejects(failed, (error) => sqlState(error) === "22012");
  });

  test(`${engine.name}: a commit of a failed transaction says ROLLBACK, and no open transaction outlives its work`, async (t) => {
    const { database } = await engine.open(t, { poolSize: 1 });
    await database.exclusive(async (c) => {
      await c.script("begin");
      await assert.rejects(c.query({ text: "select 1/0" }), (error) => sqlState(error) === "22012");
      assert.equal((await c.query({ text: "commit" })).command, "ROLLBACK");
    });
    const boom = new Error("boom");
    const thrown = database.exclusive(async (c) => {
      await c.script("begin; create temp table left_behind(n int)");
      throw boom;
    });
    await assert.rejects(thrown, boom);
    const { rows } = await database.query({ text: "select to_regclass('left_behind') is null as clean" });
    assert.deepEqual(rows, [{ clean: true }]);
  });

  test(`${engine.name}: exclusive work does not mix`, async (t) => {
    const { database } = await engine.open(t, {});
    await database.query({ text: "create table public.counter(n int)" });
    await database.query({ text: "insert into public.counter values (0)" });
    const add = () =>
      database.exclusive(async (c) => {
        await c.script("begin");
        const { rows } = await c.query<{ n: number }>({ text: "select n from public.counter for update" });
        await c.query({ text: "update public.counter set n = $1", values: [rows[0]!.n + 1] });
        await c.script("commit");
      });
    await Promise.all(Array.from({ length: 20 }, add));
    assert.deepEqual((await database.query({ text: "select n from public.counter" })).rows, [{ n: 20 }]);
  });

  test(`${engine.name}: notifications reach the listeners of the same schema, the last payload of a key at the least`, async (t) => {
    const { database, again } = await engine.open(t);
    const other = engine.name === "postgres" ? await again({ schema: "other" }) : database;
    const heard: string[] = [];
    let enough = (): void => undefined;
    const done = new Promise<void>((resolve) => {
      enough = resolve;
    });
    await database.listen(
      "news",
      (payload) => (heard.push(payload), payload === "end" && enough()),
      () => undefined,
    );
    if (other !== database) other.notify("news", "x", "of another schema");
    for (let i = 0; i < 100; i++) database.notify("news", "a", String(i));
    database.notify("news", "b", "end");
    await done;
    assert.equal(heard.filter((p) => /^\d+$/.test(p)).at(-1), "99");
    assert.ok(heard.length < 50, `${heard.length} notifications for 101 calls`);
    assert.ok(!heard.includes("of another schema"));
  });

  test(`${engine.name}: what is closed says so`, async (t) => {
    const { again } = await engine.open(t, {});
    const database = await again();
    await database.close();
    await assert.rejects(database.query({ text: "select 1" }), (error) => isTidemarkError(error, "CLOSED"));
    await database.close();
  });
}

const [postgresEngine, pgliteEngine] = engines as [(typeof engines)[number], (typeof engines)[number]];

test("pglite: a busy caller does not starve timers", async (t) => {
  const { database } = await pgliteEngine.open(t);
  let fired = false;
  setTimeout(() => {
    fired = true;
  }, 5);
  const until = performance.now() + 2_000;
  while (!fired && performance.now() < until) await database.query({ text: "select 1" });
  assert.ok(fired);
});

test("postgres: a lost connection raises the epoch, aborts its signal and is UNAVAILABLE; the pool goes on", async (t) => {
  const { database } = await postgresEngine.open(t);
  const connection = await database.dedicated();
  const { rows } = await connection.query<{ pid: number }>({ text: "select pg_backend_pid() as pid" });
  const before = database.epoch;
  const lost = once(connection.lost, "abort");
  const sleeping = assert.rejects(
    connection.query({ text: "select pg_sleep(60)" }),
    (error) => isTidemarkError(error, "UNAVAILABLE") && error.cause !== undefined,
  );
  await database.query({ text: "select pg_terminate_backend($1)", values: [rows[0]!.pid] });
  await Promise.all([lost, sleeping]);
  assert.ok(database.epoch > before);
  await assert.rejects(connection.query({ text: "select 1" }), (error) => isTidemarkError(error, "UNAVAILABLE"));
  assert.equal((await database.query({ text: "select 1" })).rowCount, 1);
});

test("postgres: a listener that lost its connection comes back and says so", async (t) => {
  const { database } = await postgresEngine.open(t);
  let back = (): void => undefined;
  const reconnected = new Promise<void>((resolve) => {
    back = resolve;
  });
  let heard = (_: string): void => undefined;
  const news = new Promise<string>((resolve) => {
    heard = resolve;
  });
  await database.listen(
    "news",
    (payload) => heard(payload),
    () => back(),
  );
  await database.query({
    text: "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and query like 'listen%'",
  });
  await reconnected;
  database.notify("news", "k", "after");
  assert.equal(await news, "after");
});

test("postgres: nobody answers: UNAVAILABLE, and neither user nor password is told", async () => {
  const database = await openDatabase({ url: "postgres://someuser:secret@127.0.0.1:1/db" }, { schema: "s" });
  assert.equal(database.label, "PostgreSQL 127.0.0.1:1/db");
  await assert.rejects(
    database.query({ text: "select 1" }),
    (error) => isTidemarkError(error, "UNAVAILABLE") && !/someuser|secret/.test(error.message),
  );
  await assert.rejects(database.dedicated(), (error) => isTidemarkError(error, "UNAVAILABLE"));
  await assert.rejects(
    openDatabase({ url: "postgres://u:secret@h:port:x/" }, { schema: "s" }),
    (error) => isTidemarkError(error, "INVALID_SETTING") && !error.message.includes("secret"),
  );
  await database.close();
});

test("a schema's name is checked before anything connects", async () => {
  await assert.rejects(openDatabase({ url: "postgres://127.0.0.1:1/db" }, { schema: 'a"; drop' }), (error) =>
    isTidemarkError(error, "INVALID_SETTING"),
  );
});

test("pglite: a new folder starts from the image that the first start left, an old one as it was", async (t) => {
  const folder = await mkdtemp(join(tmpdir(), "tidemark-pglite-"));
  t.after(() => rm(folder, { recursive: true, force: true }));
  const images: Uint8Array<ArrayBuffer>[] = [];
  const image: ImageCache = { load: async () => images.at(-1), save: async (made) => void images.push(new Uint8Array(made)) };
  const known = imageFolder(join(folder, "images"));
  const open = (name: string, cache: ImageCache) => openDatabase({ dataDir: join(folder, name) }, { schema: "public", image: cache });
  const first = await open("a", image);
  await first.query({ text: "create table kept as select 1 as n" });
  await first.close();
  assert.equal(images.length, 1);
  assert.equal(await known.load(), undefined);
  await known.save(images[0]!);
  for (const name of ["b", "a"]) {
    const database = await open(name, known);
    const { rows } = await database.query({ text: "select to_regclass('kept') is not null as kept" });
    assert.deepEqual(rows, [{ kept: name === "a" }]);
    await database.close();
  }
  assert.equal(images.length, 1);
});
