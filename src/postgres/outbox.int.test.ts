/** The outbox by the users' own clients: what is published is there with the transaction, and as commands would have left it. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { PGlite } from "@electric-sql/pglite";
import { sql as drizzleSql } from "drizzle-orm";
import { drizzle } from "drizzle-orm/node-postgres";
import { drizzle as drizzlePglite } from "drizzle-orm/pglite";
import { CamelCasePlugin, Kysely, ParseJSONResultsPlugin, PostgresDialect, sql as kyselySql } from "kysely";
import pg from "pg";
import { orders, type OutboxSide, outboxSide, partitions, products, schema, streamsApart } from "../../test/outbox-side.ts";
import { partitionOf } from "../core/partition.ts";
import { parseToken } from "../core/token.ts";
import { isTidemarkError } from "../errors.ts";
import { type Outbox, outbox, outboxError } from "./index.ts";
import { writeMigrations } from "./migrations/write/index.ts";

const { Reserved, Noted } = products.events;
const [a, b] = streamsApart as [string, string];

interface Kit {
  /** Runs a statement in the user's transaction. */
  readonly statement: (tx: never, text: string) => Promise<unknown>;
  readonly box: Outbox<never>;
  /** Begins a part of the transaction that is taken back by itself. */
  readonly nested: (tx: never, work: (tx: never) => Promise<void>) => Promise<unknown>;
}

const savepoint = async (query: (text: string) => Promise<unknown>, work: () => Promise<void>) => {
  await query("savepoint s");
  try {
    await work();
  } catch (error) {
    await query("rollback to savepoint s");
    throw error;
  }
};

interface Tables {
  stock: { id: string; quantity: number };
}

const kits: Readonly<Record<string, (side: OutboxSide) => Promise<Kit>>> = {
  async pg({ url, defer }) {
    const pool = new pg.Pool({ connectionString: url });
    defer(() => pool.end());
    const box = outbox(pool, { schema });
    defer(() => box.close());
    const statement = (tx: pg.PoolClient, text: string) => tx.query(text);
    const nested = (tx: pg.PoolClient, work: (inner: pg.PoolClient) => Promise<void>) =>
      savepoint(
        (text) => tx.query(text),
        () => work(tx),
      );
    return { statement, box, nested } as unknown as Kit;
  },
  async Kysely({ url, defer }) {
    const db = new Kysely<Tables>({
      dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: url }) }),
      plugins: [new CamelCasePlugin(), new ParseJSONResultsPlugin()],
    });
    defer(() => db.destroy());
    const box = outbox(db, { schema });
    defer(() => box.close());
    const statement = (tx: typeof db, text: string) => kyselySql.raw(text).execute(tx);
    const nested = (tx: typeof db, work: (inner: typeof db) => Promise<void>) =>
      savepoint(
        (text) => statement(tx, text),
        () => work(tx),
      );
    return { statement, box, nested } as unknown as Kit;
  },
  async Drizzle({ url, defer }) {
    const pool = new pg.Pool({ connectionString: url });
    defer(() => pool.end());
    const db = drizzle(pool);
    const box = outbox(db, { schema });
    defer(() => box.close());
    type Tx = Parameters<Parameters<typeof db.transaction>[0]>[0];
    const statement = async (tx: Tx, text: string) => tx.execute(drizzleSql.raw(text));
    const nested = (tx: Tx, work: (inner: Tx) => Promise<void>) => tx.transaction(work);
    return { statement, box, nested } as unknown as Kit;
  },
};

for (const [name, open] of Object.entries(kits)) {
  test(`${name}: events of several streams and logs are there with the transaction, at the positions of an append`, async (t) => {
    const side = await outboxSide(t);
    const { statement, box } = await open(side);
    const { result, published, token } = await box.transaction(async (tx) => {
      await statement(tx, "insert into stock values ('x', 5)");
      await box.publish(tx, products, b, [Reserved({ quantity: 1 }), Reserved({ quantity: 2 })], { expectedVersion: 0 });
      await box.publish(tx, orders, a, orders.events.Noted({ note: `'"\\ é \u{1f600} $1 ?` }), {
        commandId: "c-1",
        correlationId: "r-1",
        actor: "ann",
      });
      await box.publish(tx, products, b, Reserved({ quantity: 3 }), { expectedVersion: 2 });
      return 7;
    });
    assert.equal(result, 7);
    assert.deepEqual(
      (await side.all()).map((e) => [e.partition, e.position, e.stream, e.version, e.data]),
      [1, 2, 3].map((n) => [1, n, b, n, `{"quantity":${n}}`]),
    );
    const [note] = await side.store.read("orders", [{ partition: 0, position: 1 }], 10);
    assert.deepEqual(JSON.parse(note!.data), { note: `'"\\ é \u{1f600} $1 ?` });
    assert.equal(note!.commandId, "c-1");
    const { time, ...metadata } = JSON.parse(note!.metadata) as Record<string, unknown>;
    assert.deepEqual(metadata, { commandId: "c-1", correlationId: "r-1", causationId: "c-1", actor: "ann" });
    assert.match(String(time), /^\d{4}-.*Z$/);
    assert.deepEqual(
      parseToken((await token())!).toSorted((x, y) => (x.log < y.log ? -1 : 1)),
      [
        { log: "orders", logId: side.identities.get("orders")!.logId, partition: 0, position: 1 },
        { log: "products", logId: side.identities.get("products")!.logId, partition: 1, position: 3 },
      ],
    );
    assert.equal(published.length, 3);
    assert.deepEqual(await side.faults(), []);
    assert.equal((await side.pool.query("select from stock")).rowCount, 1);
  });

  test(`${name}: a transaction that fails leaves nothing, and its error is the user's own`, async (t) => {
    const side = await outboxSide(t);
    const { statement, box } = await open(side);
    const failure = new Error("no");
    await assert.rejects(
      box.transaction(async (tx) => {
        await statement(tx, "insert into stock values ('x', 5)");
        await box.publish(tx, products, a, Reserved({ quantity: 1 }));
        throw failure;
      }),
      failure,
    );
    assert.deepEqual(await side.all(), []);
    assert.deepEqual(await side.faults(), []);
    assert.equal((await side.pool.query("select from stock")).rowCount, 0);
  });

  test(`${name}: what a savepoint takes back is not there, what is published before and after it is`, async (t) => {
    const side = await outboxSide(t);
    const { box, nested } = await open(side);
    for (const first of [true, false]) {
      const { published, token } = await box.transaction(async (tx) => {
        if (first) await box.publish(tx, products, a, Noted({ note: "before" }));
        await assert.rejects(
          nested(tx, async (inner) => {
            await box.publish(inner, products, a, Noted({ note: "lost" }));
            await box.publish(inner, products, b, Noted({ note: "lost" }));
            throw new Error("taken back");
          }),
          /taken back/,
        );
        await box.publish(tx, products, a, Noted({ note: "after" }));
      });
      assert.equal(await box.committed(published[first ? 1 : 0]!), null);
      assert.deepEqual(
        parseToken((await token())!).map((p) => [p.partition, p.position]),
        [[0, first ? 2 : 3]],
      );
    }
    assert.deepEqual(
      (await side.all()).map((e) => [e.version, e.data]),
      [
        [1, '{"note":"before"}'],
        [2, '{"note":"after"}'],
        [3, '{"note":"after"}'],
      ],
    );
    assert.deepEqual(await side.faults(), []);
  });

  test(`${name}: another version than the expected one fails the transaction as a whole, also where it came up only at the commit`, async (t) => {
    const side = await outboxSide(t);
    const { statement, box } = await open(side);
    await box.transaction((tx) => box.publish(tx, products, a, Reserved({ quantity: 1 }), { expectedVersion: 0 }));
    const mismatch = (expected: string, actual: number) => (error: unknown) => {
      assert.ok(isTidemarkError(error, "VERSION_MISMATCH"), String(error));
      assert.deepEqual(error.details, { stream: a, expected, actual });
      return true;
    };
    await assert.rejects(
      box.transaction((tx) => box.publish(tx, products, a, Reserved({ quantity: 1 }), { expectedVersion: 0 })),
      mismatch("0", 1),
    );
    await assert.rejects(
      box.transaction(async (tx) => {
        await statement(tx, "insert into stock values ('x', 5)");
        await box.publish(tx, products, b, Reserved({ quantity: 1 }));
        await box.publish(tx, products, a, Reserved({ quantity: 1 }), { expectedVersion: 1 });
        // committed between the publication and the commit
        await box.transaction((other) => box.publish(other, products, a, Reserved({ quantity: 2 }), { expectedVersion: 1 }));
      }),
      mismatch("1", 2),
    );
    assert.deepEqual(
      (await side.all()).map((e) => e.data),
      ['{"quantity":1}', '{"quantity":2}'],
    );
    assert.deepEqual(await side.faults(), []);
    assert.equal((await side.pool.query("select from stock")).rowCount, 0);
  });
}

test("what is no transaction, no event of the log, no log or not to be stored is refused by name", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema, maxEventBytes: 3_000 });
  side.defer(() => box.close());
  const kysely = new Kysely<Tables>({ dialect: new PostgresDialect({ pool: new pg.Pool({ connectionString: side.url }) }) });
  side.defer(() => kysely.destroy());
  const code = (expected: string) => (error: unknown) => isTidemarkError(error) && error.code === expected;
  const client = await side.pool.connect();
  side.defer(() => client.release());
  for (const tx of [side.pool, client, kysely, drizzle(side.pool)])
    await assert.rejects(box.publish(tx as never, products, a, Reserved({ quantity: 1 })), code("INVALID_DEFINITION"));
  const attempt = (work: (tx: pg.PoolClient) => Promise<unknown>) => box.transaction(work);
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, [])),
    code("INVALID_DEFINITION"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, { type: "Sold", data: {} } as never)),
    code("INVALID_DEFINITION"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, "", Reserved({ quantity: 1 }))),
    code("INVALID_INPUT"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, Noted({ note: "\u0000" }))),
    code("INVALID_INPUT"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, Noted({ note: "\ud800" }))),
    code("INVALID_INPUT"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, Noted({ note: "x".repeat(3_000) }))),
    code("EVENT_TOO_LARGE"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, products, a, Reserved({ quantity: 1 }), { expectedVersion: -1 })),
    code("INVALID_INPUT"),
  );
  await assert.rejects(
    attempt((tx) => box.publish(tx, { ...products, name: "nowhere" }, a, Reserved({ quantity: 1 }))),
    code("NOT_FOUND"),
  );
  assert.throws(() => Reserved({ quantity: "1" } as never), code("INVALID_EVENT"));
  assert.deepEqual(await side.all(), []);
  assert.deepEqual(await side.faults(), []);
});

test("transactions that the user begins and commits: the same, the token when it is asked for", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const client = await side.pool.connect();
  side.defer(() => client.release());
  await client.query("begin");
  const published = await box.publish(client, products, a, Reserved({ quantity: 1 }));
  assert.equal(await box.committed(published), null);
  await client.query("commit");
  const [part] = parseToken((await box.committed(published))!);
  assert.deepEqual(part, {
    log: "products",
    logId: side.identities.get("products")!.logId,
    partition: partitionOf(a, partitions),
    position: 1,
  });

  await client.query("begin");
  await box.publish(client, products, a, Reserved({ quantity: 2 }), { expectedVersion: 1 });
  await box.transaction((tx) => box.publish(tx, products, a, Reserved({ quantity: 3 })));
  const error = await client.query("commit").then(
    () => assert.fail("it committed"),
    (thrown: unknown) => thrown,
  );
  assert.equal((error as { code?: string }).code, "TM001");
  const known = outboxError(error);
  assert.ok(isTidemarkError(known, "VERSION_MISMATCH"));
  assert.equal(known.cause, error);
  const other = new Error("another");
  assert.equal(outboxError(other), other);
  assert.equal(outboxError(null), null);
});

test("PGlite: by its own transactions, and by Drizzle on it", async (t) => {
  const pglite = new PGlite();
  t.after(() => pglite.close());
  await pglite.exec(`create schema ${schema}; set search_path = ${schema}; begin;${writeMigrations.map((m) => m.sql).join("\n")}; commit;
    insert into logs(log, partitions) values ('products', 1); insert into heads(log, partition) values ('products', 0); set search_path = public`);
  const box = outbox(pglite, { schema });
  t.after(() => box.close());
  const { token } = await box.transaction(async (tx) => {
    await tx.query("create table mine(id int)");
    await box.publish(tx, products, a, [Reserved({ quantity: 1 }), Reserved({ quantity: 2 })]);
  });
  assert.deepEqual(
    parseToken((await token())!).map((p) => [p.partition, p.position]),
    [[0, 2]],
  );
  const db = drizzlePglite(pglite);
  const second = outbox(db, { schema });
  t.after(() => second.close());
  const done = await second.transaction((tx) => second.publish(tx, products, a, Reserved({ quantity: 3 }), { expectedVersion: 2 }));
  assert.deepEqual(
    parseToken((await done.token())!).map((p) => [p.partition, p.position]),
    [[0, 3]],
  );
  await assert.rejects(box.publish(pglite as never, products, a, Reserved({ quantity: 1 })), { code: "INVALID_DEFINITION" });
  const { rows } = await pglite.query<{ position: number; version: number }>(
    `select position, version from ${schema}.events order by position`,
  );
  assert.deepEqual(
    rows,
    [1, 2, 3].map((n) => ({ position: n, version: n })),
  );
});
