/** What users do with their transactions, and what the outbox makes of it: constraints set immediate, deferred triggers of their own, other isolation, two phases, few rights. */
import assert from "node:assert/strict";
import { test } from "node:test";
import pg from "pg";
import { z } from "zod";
import { orders, outboxSide, partitions, products, schema, streamsApart } from "../../test/outbox-side.ts";
import { privatePostgres, uniqueName } from "../../test/services.ts";
import { silent } from "../../test/write-side.ts";
import { aggregate } from "../core/aggregate.ts";
import { isTidemarkError } from "../errors.ts";
import { commandHandler } from "../runtime/command-handler.ts";
import { outbox } from "./index.ts";

const { Noted } = products.events;
const [a, b] = streamsApart as [string, string];
const note = (text: string) => Noted({ note: text });
const notes = (events: readonly { readonly data: string }[]) => events.map((e) => (JSON.parse(e.data) as { note: string }).note);

const immediate = "set constraints all immediate";

for (const [when, steps] of Object.entries({
  "before it": [immediate, "1", "2"],
  "in the middle": ["1", immediate, "2"],
  "after it": ["1", "2", immediate],
  "by name": ["1", `set constraints ${schema}.tidemark_outbox_turn immediate`, "2"],
  "twice, and deferred again": [immediate, "1", immediate, "set constraints all deferred", "2", immediate],
  "in a savepoint that is taken back": ["1", "savepoint s", "lost", immediate, "lost", "rollback to savepoint s", "2"],
  "in a savepoint that stays": ["savepoint s", "1", immediate, "release savepoint s", "2"],
})) {
  test(`constraints that the user sets immediate ${when}: positions are given at the commit all the same`, async (t) => {
    const side = await outboxSide(t);
    const box = outbox(side.pool, { schema });
    side.defer(() => box.close());
    await box.transaction(async (tx) => {
      for (const step of steps) {
        if (step.includes(" ")) await tx.query(step);
        else {
          await box.publish(tx, products, b, note(step));
          await box.publish(tx, products, a, note(step));
        }
        // an event that has a position has its head locked
        assert.equal((await tx.query(`select from ${schema}.events`)).rowCount, 0);
      }
    });
    assert.deepEqual(notes(await side.all()), ["1", "2", "1", "2"]);
    assert.deepEqual(await side.faults(), []);
  });
}

test("heads are moved by one statement, whatever was published, after every deferred trigger of the user; what these publish is there too", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  await side.pool.query(`
    create table seen(what text, moved bigint);
    create function look() returns trigger language plpgsql as $$ begin insert into seen select new.id, sum(position) from ${schema}.heads; return null; end $$;
    create constraint trigger look after insert on stock deferrable initially deferred for each row execute function look();
    create function count_moves() returns trigger language plpgsql as $$ begin insert into public.seen values ('move', 0); return null; end $$;
    create trigger count_moves after update on ${schema}.heads for each statement execute function public.count_moves();`);
  await box.transaction(async (tx) => {
    await tx.query("insert into stock values ('first', 1)");
    for (let n = 0; n < 20; n++)
      for (const log of [orders, products])
        for (const stream of streamsApart) await box.publish(tx, log, stream, [note("x"), note("y")], { expectedVersion: 2 * n });
    await tx.query("insert into stock values ('last', 1)");
  });
  const { rows } = await side.pool.query<{ what: string; moved: string }>("select * from seen");
  assert.deepEqual(
    rows.map((r) => [r.what, Number(r.moved)]),
    [
      ["first", 0],
      ["last", 0],
      ["move", 0],
    ],
  );
  assert.equal((await side.all()).length, partitions * 40);
  assert.deepEqual(await side.faults(), []);

  const publication = (text: string) =>
    JSON.stringify({
      log: "products",
      hash: 0,
      stream: a,
      expected: null,
      commandId: "c",
      metadata: "{}",
      events: [{ id: crypto.randomUUID(), type: "Noted", schemaVersion: 1, data: JSON.stringify({ note: text }) }],
    }).replaceAll("'", "''");
  await side.pool.query(
    `create or replace function look() returns trigger language plpgsql as $$ begin perform ${schema}.tidemark_publish('${publication("by a trigger")}'); return null; end $$`,
  );
  const before = (await side.all()).length;
  await side.pool.query("insert into stock values ('alone', 1)");
  await box.transaction(async (tx) => {
    await box.publish(tx, products, a, note("z"));
    await tx.query("insert into stock values ('beside', 1)");
  });
  assert.equal((await side.all()).length, before + 3);
  assert.deepEqual(await side.faults(), []);
});

test("another isolation level is refused by name", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const client = await side.pool.connect();
  side.defer(() => client.release());
  for (const level of ["repeatable read", "serializable"]) {
    await client.query(`begin isolation level ${level}`);
    await assert.rejects(
      box.publish(client, products, a, note("x")),
      (error) =>
        isTidemarkError(error, "INVALID_SETTING") &&
        error.message.includes(level.toUpperCase()) &&
        error.message.includes("READ COMMITTED"),
    );
    await client.query("rollback");
  }
  // the helper says it itself, whatever the database's default is
  const pool = new pg.Pool({ connectionString: side.url, options: "-c default_transaction_isolation=serializable" });
  side.defer(() => pool.end());
  const one = outbox(pool, { schema });
  side.defer(() => one.close());
  await one.transaction((tx) => one.publish(tx, products, a, note("y")));
  assert.deepEqual(notes(await side.all()), ["y"]);
});

test("a transaction with events is not prepared, and commits on a server where others are", { timeout: 60_000 }, async (t) => {
  const server = await privatePostgres(undefined, { max_prepared_transactions: "5" });
  const side = await outboxSide(t, server);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const client = await side.pool.connect();
  side.defer(() => client.release());
  const prepare = async (command: string, publishes: boolean) => {
    await client.query("begin");
    await client.query("insert into stock values ('x', 1)");
    if (publishes) await box.publish(client, products, a, note("x"));
    return client.query(command);
  };
  await assert.rejects(
    prepare("prepare transaction 'one'", true),
    (error: pg.DatabaseError) => error.code === "TM002" && /PREPARE TRANSACTION/.test(error.message),
  );
  await assert.rejects(prepare("/* two */ prepare /* phases */ transaction 'two'", true), /cannot PREPARE/);
  await assert.rejects(prepare("select 1; prepare transaction 'three'", true), /cannot PREPARE/);
  await prepare("prepare transaction 'four'", false);
  await client.query("rollback prepared 'four'");
  assert.deepEqual(await side.all(), []);
  await box.transaction((tx) => box.publish(tx, products, a, note("committed")));
  assert.deepEqual(notes(await side.all()), ["committed"]);
  assert.deepEqual(await side.faults(), []);
});

test("a commit that would not wait for the disk waits for it where there are events", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  // queued by the move, so it runs when the moving function is over
  await side.pool.query(`create table setting(value text);
    create function look() returns trigger language plpgsql as $$ begin insert into public.setting values (current_setting('synchronous_commit')); return null; end $$;
    create constraint trigger look after insert on ${schema}.events deferrable initially deferred for each row execute function public.look()`);
  for (const weak of ["off", "local", "remote_write"])
    await box.transaction(async (tx) => {
      await tx.query(`set local synchronous_commit = ${weak}`);
      await box.publish(tx, products, a, note(weak));
    });
  assert.deepEqual(
    (await side.pool.query<{ value: string }>("select value from setting")).rows.map((r) => r.value),
    ["on", "on", "on"],
  );
});

test("whoever may use the schema may publish, and nothing else", async (t) => {
  const side = await outboxSide(t);
  const role = uniqueName();
  await side.pool.query(
    `create role ${role} login password '${role}'; grant usage on schema ${schema} to ${role}; grant insert on stock to ${role}`,
  );
  const url = new URL(side.url);
  url.username = role;
  url.password = role;
  const pool = new pg.Pool({ connectionString: url.href });
  side.defer(async () => {
    await pool.end();
    await side.pool.query(`drop owned by ${role}; drop role ${role}`);
  });
  const box = outbox(pool, { schema });
  side.defer(() => box.close());
  const { token } = await box.transaction(async (tx) => {
    // tables of the same names in front of ours change nothing
    await tx.query("create temp table heads(log text, partition int, position bigint); create temp table outbox(transaction xid8)");
    await tx.query("insert into stock values ('x', 1)");
    await box.publish(tx, products, a, note("x"));
  });
  assert.notEqual(await token(), null);
  assert.deepEqual(notes(await side.all()), ["x"]);
  for (const text of [
    `select from ${schema}.events`,
    `insert into ${schema}.outbox_turns values ('1', 1, true)`,
    `delete from ${schema}.outbox`,
  ])
    await assert.rejects(pool.query(text), /permission denied/);
});

test("those who wait for events hear of the commit, at once", { timeout: 20_000 }, async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const heard: string[] = [];
  let called = Promise.withResolvers<void>();
  const unsubscribe = await side.store.onAppended((log) => {
    // a listener begins by saying that everything may have moved
    if (log === undefined) return;
    heard.push(log);
    called.resolve();
  });
  side.defer(unsubscribe);
  await box.transaction((tx) => box.publish(tx, products, a, note("x")));
  await called.promise;
  called = Promise.withResolvers();
  const client = await side.pool.connect();
  side.defer(() => client.release());
  await client.query("begin");
  const published = [await box.publish(client, orders, a, note("y")), await box.publish(client, orders, b, note("z"))];
  await client.query("commit");
  await box.committed(published);
  await called.promise;
  assert.deepEqual(heard, ["products", "orders"]);
});

test("commands and the outbox on one stream: neither decides on a state that the other has changed", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const counted = aggregate(
    "products",
    { id: "productId", commands: { Count: z.object({}) }, events: { Noted: z.object({ note: z.string() }) }, initial: 0 },
    { decide: { Count: (n, _, { Noted: made }) => made({ note: `after ${n}` }) }, evolve: { Noted: (n) => n + 1 } },
  );
  const handler = commandHandler({ store: side.store, aggregates: [counted], identities: side.identities, logger: silent });
  side.defer(() => handler.close());
  const versions: number[] = [];
  for (let n = 0; n < 3; n++) {
    const done = await handler.execute(counted.commands.Count(a));
    assert.ok(done.accepted);
    versions.push(done.version);
    await box.transaction((tx) => box.publish(tx, counted, a, counted.events.Noted({ note: "out" }), { expectedVersion: done.version }));
  }
  assert.deepEqual(versions, [1, 3, 5]);
  assert.deepEqual(notes(await side.all()), ["after 0", "out", "after 2", "out", "after 4", "out"]);
  // at the same time: the commands decide again, and never twice on one state
  const client = await side.pool.connect();
  side.defer(() => client.release());
  await client.query("begin");
  await box.publish(client, counted, a, counted.events.Noted({ note: "out" }));
  const [first] = await Promise.all([handler.execute(counted.commands.Count(a)), handler.execute(counted.commands.Count(b))]);
  assert.ok(first.accepted);
  await client.query("commit");
  const last = await handler.execute(counted.commands.Count(a));
  assert.ok(last.accepted);
  assert.equal(last.version, 9);
  assert.deepEqual(notes((await side.all()).filter((e) => e.stream === a)).slice(6), ["after 6", "out", "after 8"]);
  assert.deepEqual(await side.faults(), []);
});

test("a transaction whose error was caught says that nothing was committed", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  const swallowed = box.transaction(async (tx) => {
    await box.publish(tx, products, a, note("lost"));
    await assert.rejects(tx.query("select no_such_function()"));
    return "done";
  });
  await assert.rejects(swallowed, (error) => isTidemarkError(error, "UNAVAILABLE"));
  assert.deepEqual(await side.all(), []);
  assert.deepEqual(await side.faults(), []);
});

test("a log whose heads are not there yet takes nothing, by name", async (t) => {
  const side = await outboxSide(t);
  const box = outbox(side.pool, { schema });
  side.defer(() => box.close());
  await side.pool.query(`delete from ${schema}.heads where log = 'products'`);
  const early = box.transaction((tx) => box.publish(tx, products, a, note("early")));
  await assert.rejects(early, (error) => isTidemarkError(error, "NOT_FOUND"));
});
