/** Bulk loads that die, come late, and meet others' applies at the same rows: no wrong row, no deadlock (I4). */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { blockedOrDone } from "../../test/blocked.ts";
import { breakingProxy } from "../../test/breaking-proxy.ts";
import { postgres } from "../../test/services.ts";
import { eventsOf, logWriter, orderSummaries, orderTotals, random, randomLogs, type Logs, type Random } from "../../test/view-domain.ts";
import { after, applyNext, assertFold, kept, openStore } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { isTidemarkError } from "../errors.ts";
import type { PartitionLoad, ViewProjection, ViewStore } from "../runtime/ports.ts";
import { sqlState } from "./sql-errors.ts";
import type { Connection, Database, Statement } from "./sql.ts";
import { postgresViewStore } from "./view-store.ts";

const schema = "views";

async function setUp(t: TestContext) {
  const server = await (await postgres()).createDatabase();
  const direct = openStore(server.url, server);
  t.after(async () => {
    await direct[Symbol.asyncDispose]();
    await server.drop();
  });
  await direct.database.query({ text: `alter database "${server.name}" set deadlock_timeout = '30ms'` });
  await direct.store.migrate({ ddl: true });
  return { server, direct };
}

async function building(store: ViewStore, view: AnyView, partitions: number): Promise<ViewProjection> {
  await store.ensure(view);
  const projection = store.projection(view, (await store.create(view)).generation);
  await projection.checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  return projection;
}

/** The database, with something in the way of each flight that an apply sends. */
const through = (
  database: Database,
  flight: (statements: readonly Statement[], connection: Connection) => Promise<Awaited<ReturnType<Connection["pipeline"]>>>,
): Database => ({
  ...database,
  async dedicated() {
    const connection = await database.dedicated();
    return { ...connection, pipeline: (statements) => flight(statements, connection) };
  },
});

/** Runs the first `left` statements of all flights, then the connection breaks. */
function dyingAfter(database: Database, count: number): { readonly database: Database; readonly died: () => boolean } {
  let left = count;
  let died = false;
  return {
    died: () => died,
    database: through(database, async (statements, connection) => {
      if (died || left > statements.length) {
        left -= statements.length;
        return connection.pipeline(statements);
      }
      died = true;
      if (left > 0) await connection.pipeline(statements.slice(0, left));
      await connection.query({ text: "select pg_terminate_backend(pg_backend_pid())" });
      throw new Error("it should have broken");
    }),
  };
}

const take = async (load: PartitionLoad, from: number, events: readonly LogEvent[]): Promise<void> => {
  const next = events.slice(from);
  await load.add(next, after({ ...load.checkpoint, position: from }, next));
};

for (const view of [orderTotals, orderSummaries]) {
  test(`${view.name}: a connection that breaks after any statement of a flush, answered or not, leaves all of it or nothing`, async (t) => {
    const { direct } = await setUp(t);
    const log = logWriter("orders", 1);
    const customers = logWriter("customers", 1);
    for (const key of ["a", "b", "c"]) customers.add(key, "Registered", { name: `N ${key}`, email: "e" });
    for (const key of ["o1", "o2", "o3"]) log.add(key, "Created", { customerId: "a" });
    const first = log.byPartition[0]!.length;
    log.add("o1", "Erased", {});
    log.add("o2", "Moved", { customerId: "b" });
    log.add("o2", "Paid", { method: "card" });
    log.add("o4", "Created", { customerId: "c" });
    const events = log.byPartition[0]!;
    let stored = 0;
    for (let statements = 0, over = false; !over; statements++) {
      const direct1 = await building(direct.store, view, 1);
      if (view.logs.includes("customers"))
        assert.equal(await applyNext(direct1, await direct1.checkpoint("customers", 0), customers.byPartition[0]!, 9), "applied");
      assert.equal(await applyNext(direct1, await direct1.checkpoint("orders", 0), events, first), "applied");
      const dying = dyingAfter(direct.database, statements);
      const store = postgresViewStore(dying.database, { schema });
      const load = store.projection(view, direct1.generation).load!(await direct1.checkpoint("orders", 0), kept(9))!;
      await take(load, first, events);
      const outcome = await load.flush().catch((error: unknown) => error);
      over = !dying.died();
      if (over) assert.equal(outcome, "applied");
      else assert.ok(isTidemarkError(outcome, "UNAVAILABLE"), String(outcome));
      if (!over) await assert.rejects(load.flush(), /spent/);
      const { position } = await direct1.checkpoint("orders", 0);
      assert.ok(position === first || position === events.length);
      if (!over && position > first) stored += 1;
      const of = view.logs.includes("customers") ? customers.byPartition.flat() : [];
      await assertFold(direct.store, view, direct1.generation, [...of, ...events.slice(0, position)]);
      // goes on from what the store says
      const again = direct1.load!(await direct1.checkpoint("orders", 0), kept(9))!;
      if (position < events.length) await take(again, position, events);
      assert.equal(await again.flush(), "applied");
      await assertFold(direct.store, view, direct1.generation, [...of, ...events]);
      await store.close();
      await direct.store.retire(view, direct1.generation);
    }
    assert.equal(stored, 1, "stored and not answered: after the commit alone");
  });
}

for (const view of [orderTotals, orderSummaries]) {
  test(`${view.name}: a transaction that does not begin, on a connection that goes on, writes nothing`, async (t) => {
    const { direct } = await setUp(t);
    const projection = await building(direct.store, view, 1);
    const log = logWriter("orders", 1);
    for (const key of ["o1", "o2"]) log.add(key, "Created", { customerId: null });
    const events = log.byPartition[0]!;
    assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 2), "applied");
    log.add("o1", "Erased", {});
    log.add("o2", "Paid", { method: "card" });
    log.add("o3", "Created", { customerId: null });
    let refused = 0;
    const refusing = through(direct.database, (statements, connection) =>
      connection.pipeline(
        statements.map((statement) => {
          if (statement.text !== "begin" || refused > 0) return statement;
          refused += 1;
          return { text: "do $$ begin raise exception 'no memory' using errcode = '53200'; end $$" };
        }),
      ),
    );
    const store = postgresViewStore(refusing, { schema });
    try {
      const start = await projection.checkpoint("orders", 0);
      const load = store.projection(view, projection.generation).load!(start, kept(9))!;
      await take(load, 2, events);
      await assert.rejects(load.flush(), { code: "UNAVAILABLE" });
      assert.equal(refused, 1);
      assert.deepEqual(await projection.checkpoint("orders", 0), start);
      await assertFold(direct.store, view, projection.generation, events.slice(0, 2));
      const again = store.projection(view, projection.generation).load!(start, kept(9))!;
      await take(again, 2, events);
      assert.equal(await again.flush(), "applied");
      await assertFold(direct.store, view, projection.generation, events);
    } finally {
      await store.close();
    }
  });
}

for (const first of ["load", "rename"] as const) {
  test(`a flush and a rename of a customer that its documents refer to meet, the ${first} first`, async (t) => {
    const { direct } = await setUp(t);
    const projection = await building(direct.store, orderSummaries, 1);
    const logs = { orders: logWriter("orders", 1), customers: logWriter("customers", 1) };
    const [orders, customers] = [logs.orders.byPartition[0]!, logs.customers.byPartition[0]!];
    logs.customers.add("c", "Registered", { name: "Ann", email: "e" });
    await applyNext(projection, await projection.checkpoint("customers", 0), customers, 1);
    // one that stays, one that comes to the customer
    logs.orders.add("stays", "Created", { customerId: "c" });
    logs.orders.add("comes", "Created", { customerId: null });
    await applyNext(projection, await projection.checkpoint("orders", 0), orders, 2);
    logs.orders.add("stays", "Paid", { method: "card" });
    logs.orders.add("comes", "Moved", { customerId: "c" });
    logs.orders.add("new", "Created", { customerId: "c" });
    logs.orders.add("early", "Created", { customerId: "unknown" });
    logs.customers.add("c", "Renamed", { name: "Anna" });
    logs.customers.add("unknown", "Registered", { name: "Una", email: "e" });

    const reached = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    const held = through(direct.database, async (statements, connection) => {
      if (statements.at(-1)?.text === "commit") {
        reached.resolve();
        await gate.promise;
      }
      return connection.pipeline(statements);
    });
    const slow = postgresViewStore(held, { schema });
    const ways = {
      async load(store: ViewStore) {
        const load = store.projection(orderSummaries, projection.generation).load!(await projection.checkpoint("orders", 0), kept(9))!;
        await take(load, 2, orders);
        return load.flush();
      },
      rename: async (store: ViewStore) =>
        applyNext(store.projection(orderSummaries, projection.generation), await projection.checkpoint("customers", 0), customers, 9),
    };
    try {
      const one = ways[first](slow);
      await reached.promise;
      const two = ways[first === "load" ? "rename" : "load"](direct.store);
      await blockedOrDone(direct.database, [two]);
      gate.resolve();
      assert.deepEqual(await Promise.all([one, two]), ["applied", "applied"]);
      await assertFold(direct.store, orderSummaries, projection.generation, [...customers, ...orders]);
    } finally {
      gate.resolve();
      await slow.close();
    }
  });
}

const partitions = 2;
const firstSeed = Number(process.env["TIDEMARK_TEST_SEED"] ?? 1);
const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 4);

interface Counts {
  applied: number;
  moved: number;
  unavailable: number;
  deadlocks: number;
}

test("random loads, late flushes, fan-outs and broken connections: no wrong row, no deadlock", { timeout: 120_000 }, async (t) => {
  const { server, direct } = await setUp(t);
  const url = new URL(server.url);
  const counts: Counts = { applied: 0, moved: 0, unavailable: 0, deadlocks: 0 };
  const counted = (error: unknown): void => {
    if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
    counts.unavailable += 1;
    if (sqlState(error.cause) === "40P01") counts.deadlocks += 1;
  };
  /** Loads until the end, beginning anew whenever a load is spent or thrown away. */
  const loading = async (
    projection: ViewProjection,
    partition: number,
    events: readonly LogEvent[],
    r: Random,
    isZombie: () => boolean,
  ) => {
    while (isZombie() || (await projection.checkpoint("orders", partition).catch(() => null))?.position !== events.length) {
      try {
        const load = projection.load!(await projection.checkpoint("orders", partition), kept(r.pick([0, 2, 50])))!;
        let to = load.checkpoint;
        for (let more = true; more && to.position < events.length; more = r.below(12) > 0) {
          const next = events.slice(to.position, to.position + 1 + r.below(40));
          to = after(to, next);
          await load.add(next, to);
          if (r.below(3) > 0 && to.position < events.length) continue;
          const outcome = await load.flush();
          counts[outcome] += 1;
          if (outcome === "moved") break;
        }
        if (to.position === events.length && isZombie()) await new Promise(setImmediate);
      } catch (error) {
        counted(error);
      }
    }
  };
  const applying = async (projection: ViewProjection, log: string, partition: number, events: readonly LogEvent[], r: Random) => {
    for (;;) {
      try {
        const outcome = await applyNext(projection, await projection.checkpoint(log, partition), events, 1 + r.below(8));
        if (outcome === "end") return;
        counts[outcome] += 1;
      } catch (error) {
        counted(error);
      }
    }
  };

  let broken = 0;
  for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
    const r = random(seed);
    const proxy = await breakingProxy({ host: url.hostname, port: Number(url.port) }, r.next);
    const address = new URL(server.url);
    address.host = `127.0.0.1:${proxy.port}`;
    const stores = [openStore(address.href), openStore(address.href)];
    try {
      const logs: Logs = randomLogs(r, { partitions, orders: 25, customers: 12, orderEvents: 700, customerEvents: 300 });
      const generations = new Map<AnyView, number>();
      for (const view of [orderTotals, orderSummaries]) generations.set(view, (await building(direct.store, view, partitions)).generation);
      proxy.set({ breaking: 0.02, late: 0.1 });
      let running = true;
      const workers: Promise<void>[] = [];
      const zombies: Promise<void>[] = [];
      for (const [view, generation] of generations) {
        const at = (i: number) => stores[i]!.store.projection(view, generation);
        for (let p = 0; p < partitions; p++) {
          const seeded = (i: number) => random(seed * 1_000 + p * 10 + i);
          workers.push(loading(at(0), p, logs.orders[p]!, seeded(1), () => false));
          zombies.push(loading(at(1), p, logs.orders[p]!, seeded(2), () => running));
          if (view.logs.includes("customers")) workers.push(applying(at(1), "customers", p, logs.customers[p]!, seeded(3)));
        }
      }
      const ended = await Promise.allSettled(workers);
      running = false;
      for (const one of [...ended, ...(await Promise.allSettled(zombies))]) if (one.status === "rejected") throw one.reason;
      proxy.set({ breaking: 0, late: 0 });
      for (const [view, generation] of generations)
        await assertFold(direct.store, view, generation, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
      broken += proxy.broken;
    } finally {
      for (const one of stores) await one[Symbol.asyncDispose]();
      await proxy.close();
    }
  }
  assert.ok(broken > 0 && counts.moved > 0 && counts.applied > 0, "the test met rivals and broken connections");
  const { rows } = await direct.database.query<{ deadlocks: number }>({
    text: "select pg_stat_clear_snapshot(), deadlocks from pg_stat_database where datname = current_database()",
  });
  assert.deepEqual([counts.deadlocks, rows[0]!.deadlocks], [0, 0], "deadlocks");
  t.diagnostic(`${rounds} rounds, ${JSON.stringify(counts)}, ${broken} broken connections`);
});
