import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { eventually } from "../../test/memory-world.ts";
import { engines, testSchema, write, writeStore } from "../../test/write-side.ts";
import { isTidemarkError } from "../errors.ts";
import type { AppendCommand } from "../runtime/ports.ts";
import { appendCall } from "./append-call.ts";
import { eventStore, migrateWriteStore } from "./event-store.ts";
import { sqlState } from "./sql-errors.ts";
import type { Database } from "./sql.ts";

for (const engine of engines) {
  const open = async (t: Parameters<typeof engine.open>[0]) => {
    const { database, again } = await engine.open(t);
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], 1);
    return { database, again, store, append: (...commands: AppendCommand[]) => store.append(0, commands) };
  };

  test(`${engine.name}: logs are made once and keep their id and their number of partitions`, async (t) => {
    const { database, again } = await engine.open(t);
    const store = await writeStore(t, database);
    const stores = await Promise.all([database, again(), again()].map(async (each) => eventStore(await each)));
    const [first, ...rest] = await Promise.all(stores.map((each) => each.openLogs(["b", "a"], 3)));
    assert.deepEqual(
      first!.map((l) => [l.log, l.partitions]),
      [
        ["b", 3],
        ["a", 3],
      ],
    );
    for (const one of rest) assert.deepEqual(one, first);
    assert.deepEqual(await store.openLogs(["a", "b"], undefined), [first![1], first![0]]);
    assert.deepEqual(await store.heads("a"), [0, 0, 0]);
    await assert.rejects(store.openLogs(["a"], 4), (error) => isTidemarkError(error, "PARTITIONS_CHANGED"));
    const [unasked] = await store.openLogs(["c"], undefined);
    assert.equal(unasked!.partitions, engine.name === "postgres" ? 6 : 1);
    await assert.rejects(store.heads("nope"), (error) => isTidemarkError(error, "NOT_FOUND"));
  });

  test(`${engine.name}: appended events have dense positions and versions, and their text is kept byte for byte`, async (t) => {
    const { store, append } = await open(t);
    const data = '{"z":1,  "a":"é\\u0041","n":1.50}';
    const command = write("o-1", 2);
    const outcomes = await append(
      { ...command, events: command.events.map((e) => ({ ...e, data })) },
      write("o-2", 1),
      write("o-1", 1, { baseVersion: 0, expectedVersion: 2 }),
    );
    assert.deepEqual(outcomes, [
      { status: "appended", version: 2, position: 2 },
      { status: "appended", version: 1, position: 3 },
      { status: "appended", version: 3, position: 4 },
    ]);
    const events = await store.read("orders", [{ partition: 0, position: 1 }], 10);
    assert.deepEqual(
      events.map((e) => [e.position, e.stream, e.version]),
      [
        [1, "o-1", 1],
        [2, "o-1", 2],
        [3, "o-2", 1],
        [4, "o-1", 3],
      ],
    );
    assert.equal(events[0]!.data, data);
    assert.deepEqual(
      { ...events[1] },
      {
        log: "orders",
        partition: 0,
        position: 2,
        stream: "o-1",
        version: 2,
        type: "Happened",
        schemaVersion: 1,
        id: command.events[1]!.id,
        commandId: command.id,
        data,
        metadata: command.events[1]!.metadata,
      },
    );
    assert.deepEqual(await store.heads("orders"), [4]);
  });

  test(`${engine.name}: read is inclusive and bounded per partition; load answers in order, absent streams with version 0`, async (t) => {
    const { database } = await engine.open(t);
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], 3);
    await store.append(
      0,
      Array.from({ length: 30 }, (_, i) => write(`s-${i}`, 2, { partitions: 3 })),
    );
    const heads = await store.heads("orders");
    assert.equal(
      heads.reduce((a, b) => a + b),
      60,
    );
    const events = await store.read(
      "orders",
      [
        { partition: 2, position: 3 },
        { partition: 0, position: heads[0]! },
        { partition: 1, position: heads[1]! + 1 },
      ],
      4,
    );
    assert.deepEqual(
      events.map((e) => [e.partition, e.position]),
      [
        [0, heads[0]],
        [2, 3],
        [2, 4],
        [2, 5],
        [2, 6],
      ],
    );
    const loaded = await store.load([
      { log: "orders", stream: "absent" },
      { log: "orders", stream: "s-3" },
      { log: "none", stream: "s-3" },
    ]);
    assert.deepEqual(
      loaded.map((l) => [l.version, l.events.map((e) => e.version)]),
      [
        [0, []],
        [2, [1, 2]],
        [0, []],
      ],
    );
    assert.deepEqual(loaded[1]!.events[1], { version: 2, type: "Happened", schemaVersion: 1, data: { n: 1 } });
  });

  test(`${engine.name}: a repeat gets its first answer, whatever it brings now`, async (t) => {
    const { append } = await open(t);
    const first = write("o-1", 1, { answer: '{"version":1}' });
    const rejected = write("o-1", 0, { kind: "rejection", answer: '{"rejection":"No"}', baseVersion: 0, expectedVersion: 1 });
    await append(first, rejected);
    const stored = { log: "orders", partition: 0, stream: "o-1", version: 1, position: 1 };
    assert.deepEqual(
      await append(write("other", 3, { id: first.id }), { ...rejected, kind: "check" }, write("o-1", 1, { expectedVersion: 1 })),
      [
        { status: "duplicate", first: { ...stored, fingerprint: first.fingerprint, kind: "events", answer: { version: 1 } } },
        { status: "duplicate", first: { ...stored, fingerprint: rejected.fingerprint, kind: "rejection", answer: { rejection: "No" } } },
        { status: "appended", version: 2, position: 2 },
      ],
    );
  });

  test(`${engine.name}: a stale version conflicts with the missing events and takes only its own stream's later commands down`, async (t) => {
    const { append, store } = await open(t);
    await append(write("o-1", 2));
    const outcomes = await append(
      write("o-1", 1, { baseVersion: 1 }),
      write("o-1", 1, { baseVersion: 1, expectedVersion: 2 }),
      write("o-2", 1),
      write("o-1", 0, { baseVersion: 1, expectedVersion: 3, kind: "rejection" }),
    );
    const missing = [{ version: 2, type: "Happened", schemaVersion: 1, data: { n: 1 } }];
    const strip = (o: (typeof outcomes)[number]) =>
      o.status === "conflict"
        ? { ...o, events: o.events?.map(({ version, type, schemaVersion, data }) => ({ version, type, schemaVersion, data })) }
        : o;
    const conflict = { status: "conflict", version: 2, events: missing };
    assert.deepEqual(outcomes.map(strip), [conflict, conflict, { status: "appended", version: 1, position: 3 }, conflict]);
    assert.deepEqual((await append(write("o-1", 1, { baseVersion: 9 })))[0], { status: "conflict", version: 2, events: null });
    assert.deepEqual(await store.heads("orders"), [3]);
  });

  test(`${engine.name}: If-Match with one version is final, also where only checked`, async (t) => {
    const { append } = await open(t);
    await append(write("o-1", 2));
    assert.deepEqual(await append(write("o-1", 1, { expectedVersion: 1, ifMatch: true })), [{ status: "mismatch", version: 2 }]);
    assert.deepEqual(await append(write("o-1", 0, { expectedVersion: 2, kind: "check" })), [
      { status: "checked", version: 2, position: 2 },
    ]);
    const [absent] = await append(write("absent", 1, { expectedVersion: 4, ifMatch: true }));
    assert.equal(absent!.status, "conflict");
  });

  test(`${engine.name}: a data error fails the call as a whole and stores nothing`, async (t) => {
    const { append, store } = await open(t);
    await assert.rejects(append(write("good", 1), write("bad\u0000", 1)), (error) => sqlState(error) === "22021");
    assert.deepEqual(await store.heads("orders"), [0]);
    await assert.rejects(append({ ...write("elsewhere", 1), partition: 7 }), (error) => sqlState(error) === "22023");
  });

  test(`${engine.name}: a weaker synchronous_commit is raised for the append alone, and another isolation is refused by name`, async (t) => {
    const { database } = await open(t);
    for (const way of ["quickest", "quick", "careful"] as const) {
      const statement = appendCall(database, [write(way, 1)], way).statement;
      await database.exclusive(async (c) => {
        await c.script("begin");
        await c.script("set synchronous_commit = off");
        await c.query(statement);
        assert.deepEqual((await c.query({ text: "select current_setting('synchronous_commit') as now" })).rows, [{ now: "on" }]);
        await c.script("commit");
        assert.deepEqual((await c.query({ text: "select current_setting('synchronous_commit') as now" })).rows, [{ now: "off" }]);
        await c.script("set synchronous_commit = on");
      });
      const repeatable = database.exclusive(async (c) => {
        await c.script("begin isolation level repeatable read");
        await c.query(appendCall(database, [write(`again ${way}`, 1)], way).statement);
      });
      await assert.rejects(
        repeatable,
        (error) => sqlState(error) === "25001" && /READ COMMITTED.*REPEATABLE READ/.test((error as Error).message),
      );
    }
  });

  test(`${engine.name}: what was relayed is kept per topic and never goes back`, async (t) => {
    const { store } = await open(t);
    await store.recordRelayed("orders", [{ partition: 0, position: 5, topicId: "t1" }]);
    await store.recordRelayed("orders", [{ partition: 0, position: 3, topicId: "t1" }]);
    assert.deepEqual(await store.relayed("orders"), [{ partition: 0, position: 5, topicId: "t1" }]);
    await store.recordRelayed("orders", [{ partition: 0, position: 1, topicId: "t2" }]);
    assert.deepEqual(await store.relayed("orders"), [{ partition: 0, position: 1, topicId: "t2" }]);
  });

  test(`${engine.name}: announcements reach this process and others`, async (t) => {
    const { store, again } = await open(t);
    const other = eventStore(await again());
    const heard = (from: typeof store) =>
      new Promise<string | undefined>((resolve, reject) => {
        from.onAppended(resolve).then((stop) => t.after(stop), reject);
      });
    const here = heard(store);
    const there = engine.name === "postgres" ? heard(other) : Promise.resolve("orders");
    await listening(other);
    store.announce("orders", [{ partition: 0, position: 1 }]);
    assert.deepEqual(await Promise.all([here, there]), ["orders", "orders"]);
  });

  test(`${engine.name}: one owner at a time; stopping gives it to the next, in turn`, async (t) => {
    const { store, again } = await open(t);
    const other = engine.name === "postgres" ? eventStore(await again()) : store;
    const stop = [new AbortController(), new AbortController(), new AbortController()];
    const log: string[] = [];
    const started: (() => void)[] = [];
    const running = [0, 1].map((i) => new Promise<void>((resolve) => (started[i] = resolve)));
    const own = (i: number, from: typeof store) =>
      from.withOwnership("relay", stop[i]!.signal, async (lost) => {
        log.push(`start ${i}`);
        started[i]!();
        await new Promise<void>((resolve) => lost.addEventListener("abort", () => resolve(), { once: true }));
        log.push(`end ${i}`);
      });
    const first = own(0, store);
    await running[0];
    const second = own(1, other);
    const third = own(2, other);
    stop[2]!.abort();
    await third;
    assert.deepEqual(log, ["start 0"]);
    stop[0]!.abort();
    await Promise.all([first, running[1]]);
    stop[1]!.abort();
    await second;
    assert.deepEqual(log, ["start 0", "end 0", "start 1", "end 1"]);
    await assert.rejects(
      store.withOwnership("relay", new AbortController().signal, async () => Promise.reject(new Error("boom"))),
      /boom/,
    );
  });
}

/** `onAppended` resolves when it listens. */
const listening = async (store: ReturnType<typeof eventStore>): Promise<void> => {
  const stop = await store.onAppended(() => undefined);
  await stop();
};

const postgresEngine = engines[0]!;

test("postgres: an owner whose connection breaks is told, and waits for its turn again", async (t) => {
  const { database } = await postgresEngine.open(t);
  const store = await writeStore(t, database);
  const stop = new AbortController();
  let starts = 0;
  await store.withOwnership("relay", stop.signal, async (lost) => {
    starts += 1;
    if (starts === 2) return stop.abort();
    const aborted = new Promise<void>((resolve) => lost.addEventListener("abort", () => resolve(), { once: true }));
    await database.query({
      text: "select pg_terminate_backend(pid) from pg_locks where locktype = 'advisory' and granted and database = (select oid from pg_database where datname = current_database())",
    });
    await aborted;
  });
  assert.equal(starts, 2);
});

test("postgres: who waits for its turn holds no snapshot, so what is updated meanwhile can be cleaned", async (t) => {
  const { database, again } = await postgresEngine.open(t);
  const store = await writeStore(t, database);
  const waiting = eventStore(await again({ applicationName: "waits" }));
  const stop = new AbortController();
  const until = (lost: AbortSignal) => new Promise<void>((resolve) => lost.addEventListener("abort", () => resolve(), { once: true }));
  const first = Promise.withResolvers<void>();
  const owner = store.withOwnership("relay", stop.signal, (lost) => {
    first.resolve();
    return until(lost);
  });
  await first.promise;
  const second = waiting.withOwnership("relay", stop.signal, until);
  await eventually("it has asked, and waits without a statement", async () => {
    const { rows } = await database.query({
      text: "select from pg_stat_activity where application_name = 'waits' and query like '%advisory%' and state = 'idle' and backend_xmin is null",
    });
    return rows.length === 1;
  });
  stop.abort();
  await Promise.all([owner, second]);
});

test("postgres: a long transaction elsewhere in the cluster hides and delays nothing", async (t) => {
  const { database } = await postgresEngine.open(t);
  const { database: elsewhere } = await postgresEngine.open(t);
  const store = await writeStore(t, database);
  await store.openLogs(["orders"], 1);
  const hold = async (where: Database) => {
    const connection = await where.dedicated();
    t.after(() => connection.close());
    await connection.script("begin; create temp table t(n int); insert into t values (1)");
  };
  await hold(elsewhere);
  await hold(database);
  assert.deepEqual(await store.append(store.laneOf("orders", 0), [write("o-1", 2)]), [{ status: "appended", version: 2, position: 2 }]);
  const events = await store.read("orders", [{ partition: 0, position: 1 }], 10);
  assert.deepEqual(
    events.map((e) => e.position),
    [1, 2],
  );
});

test("postgres: a connection cut in mid-call is UNAVAILABLE; the repeat gets one answer", async (t) => {
  const { database } = await postgresEngine.open(t);
  const store = await writeStore(t, database, { lanes: 1 });
  await store.openLogs(["orders"], 1);
  const blocker = await database.dedicated();
  t.after(() => blocker.close());
  await blocker.script("begin; select from heads for update");
  const command = write("o-1", 1, { id: randomUUID() });
  const cut = assert.rejects(store.append(0, [command]), (error) => isTidemarkError(error, "UNAVAILABLE"));
  const killed = async (): Promise<void> => {
    const { rowCount } = await database.query({
      text: "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%tidemark_append%'",
    });
    if (rowCount === 0) await killed();
  };
  const before = store.epoch;
  await killed();
  await cut;
  assert.ok(store.epoch > before);
  await blocker.script("rollback");
  assert.deepEqual(await store.append(0, [command]), [{ status: "appended", version: 1, position: 1 }]);
});

test("a store without its tables says which version is needed", async (t) => {
  const { database } = await postgresEngine.open(t);
  await assert.rejects(migrateWriteStore(database, { schema: testSchema, ddl: false }), (error) =>
    isTidemarkError(error, "SCHEMA_OUTDATED"),
  );
});
