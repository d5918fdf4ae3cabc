/** The runtime's command handling on the real write store, both engines. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { counters } from "../../test/counters.ts";
import { engines, silent, write, writeStore } from "../../test/write-side.ts";
import { partitionOf } from "../core/partition.ts";
import { parseToken } from "../core/token.ts";
import { isTidemarkError, type ErrorCode } from "../errors.ts";
import type { Accepted, Outcome, Rejected } from "../runtime/app.ts";
import { commandHandler, type CommandHandlerOptions } from "../runtime/command-handler.ts";
import type { EventStore } from "../runtime/ports.ts";
import type { Database } from "./sql.ts";

const { Add, Burst, Break, Open, Touch } = counters.commands;
const code = (expected: ErrorCode) => (error: unknown) => isTidemarkError(error, expected);
const accepted = (outcome: Outcome): Accepted => {
  assert.ok(outcome.accepted);
  return outcome;
};
const rejected = (outcome: Outcome): Rejected => {
  assert.ok(!outcome.accepted);
  return outcome;
};

async function handlerOn(
  t: TestContext,
  database: Database,
  options: Partial<CommandHandlerOptions> & { readonly wrap?: (store: EventStore) => EventStore } = {},
) {
  const { wrap = (store) => store, ...rest } = options;
  const store = wrap(await writeStore(t, database));
  const identities = await store.openLogs(["counters"], 4);
  const handler = commandHandler({
    store,
    aggregates: [counters],
    identities: new Map(identities.map((i) => [i.log, i])),
    logger: silent,
    ...rest,
  });
  t.after(() => handler.close());
  return { handler, store, identity: identities[0]! };
}

/** Counts what the store is asked. */
function counted(calls: { load: number[]; append: number[] }) {
  return (store: EventStore): EventStore =>
    new Proxy(store, {
      get(target, name) {
        if (name === "load") return (streams: Parameters<EventStore["load"]>[0]) => (calls.load.push(streams.length), target.load(streams));
        if (name === "append")
          return (...args: Parameters<EventStore["append"]>) => (calls.append.push(args[1].length), target.append(...args));
        return Reflect.get(target, name, target) as unknown;
      },
    });
}

for (const engine of engines) {
  const open = async (t: TestContext, options?: Parameters<typeof handlerOn>[2]) => {
    const { database, again } = await engine.open(t);
    return { database, again, ...(await handlerOn(t, database, options)) };
  };

  test(`${engine.name}: an accepted command answers version and token; its repeat the same, marked`, async (t) => {
    const appended: unknown[] = [];
    const { handler, identity, store } = await open(t, { onAppended: (...args) => appended.push(args) });
    const commandId = randomUUID();
    const first = accepted(await handler.execute(Open("c-1", { label: "x" }), { commandId }));
    const partition = partitionOf("c-1", 4);
    assert.deepEqual(
      { ...first, token: parseToken(first.token) },
      {
        accepted: true,
        commandId,
        stream: "c-1",
        version: 1,
        replayed: false,
        token: [{ log: "counters", logId: identity.logId, partition, position: 1 }],
      },
    );
    assert.deepEqual(await handler.execute(Open("c-1", { label: "x" }), { commandId }), { ...first, replayed: true });
    await assert.rejects(handler.execute(Open("c-1", { label: "y" }), { commandId }), code("IDEMPOTENCY_KEY_REUSED"));
    const told = ["counters", partition, 1];
    assert.deepEqual(
      appended,
      [told, told, told],
      "a repeat is told too: the answer to the first call may have been lost before anybody was",
    );
    assert.equal((await store.read("counters", [{ partition, position: 1 }], 9)).length, 1);
  });

  test(`${engine.name}: a rejection is kept as the answer of its id, also when it would be accepted now`, async (t) => {
    const { handler } = await open(t);
    const commandId = randomUUID();
    const first = rejected(await handler.execute(Add("c-1", { by: 1 }), { commandId }));
    assert.deepEqual(first, {
      accepted: false,
      commandId,
      rejection: "NotOpen",
      data: null,
      detail: "There is no such counter.",
      replayed: false,
    });
    await handler.execute(Open("c-1", {}));
    assert.deepEqual(await handler.execute(Add("c-1", { by: 1 }), { commandId }), { ...first, replayed: true });
    assert.equal(rejected(await handler.execute(Add("c-1", { by: -1 }))).detail, "The sum would be -1.");
    const nothing = accepted(await handler.execute(Touch("c-1"), { commandId: "touch" }));
    assert.equal(nothing.version, 1);
    await handler.execute(Add("c-1", { by: 1 }));
    assert.deepEqual(await handler.execute(Touch("c-1"), { commandId: "touch" }), { ...nothing, replayed: true });
  });

  test(`${engine.name}: expected versions`, async (t) => {
    const { handler } = await open(t);
    assert.equal(rejected(await handler.execute(Add("c-1", { by: 1 }), { expectedVersion: 7 })).rejection, "NotOpen");
    await handler.execute(Open("c-1", {}));
    for (const expectedVersion of [7, [7, 8]] as const) {
      const commandId = randomUUID();
      await assert.rejects(handler.execute(Add("c-1", { by: -5 }), { commandId, expectedVersion }), code("VERSION_MISMATCH"));
      assert.equal(rejected(await handler.execute(Add("c-1", { by: -5 }), { commandId })).replayed, false, "412 is not stored");
    }
    for (const expectedVersion of [1, [9, 2], "existing"] as const)
      accepted(await handler.execute(Add("c-1", { by: 1 }), { expectedVersion }));
    await assert.rejects(handler.execute(Open("c-2", {}), { expectedVersion: "existing" }), code("VERSION_MISMATCH"));
    accepted(await handler.execute(Open("c-2", {}), { expectedVersion: 0 }));
  });

  test(`${engine.name}: commands of one stream that wait together are decided on each other's results, in one call`, async (t) => {
    const calls = { load: [] as number[], append: [] as number[] };
    const { handler } = await open(t, { wrap: counted(calls) });
    const outcomes = await Promise.all([
      handler.execute(Open("c", {})),
      ...[1, 2, -9, 3].map((by) => handler.execute(Add("c", { by }))),
      handler.execute(Open("c", {})),
    ]);
    assert.deepEqual(
      outcomes.map((o) => (o.accepted ? o.version : o.rejection)),
      [1, 2, 3, "TooLow", 4, "AlreadyOpen"],
    );
    assert.deepEqual(calls, { load: [1], append: [6] });
  });

  test(`${engine.name}: cold streams of all waiting commands come in one query; warm ones ask nothing; both fold alike`, async (t) => {
    const { database, handler } = await open(t);
    const streams = Array.from({ length: 40 }, (_, i) => `c-${i}`);
    await Promise.all(streams.map((s) => handler.execute(Open(s, {}))));
    await Promise.all(streams.map((s, i) => handler.execute(Add(s, { by: i, note: "é" }))));
    const calls = { load: [] as number[], append: [] as number[] };
    const { handler: cold, store } = await handlerOn(t, database, { wrap: counted(calls), joinUpTo: 40 });
    const versions = async (h: typeof handler) =>
      (await Promise.all(streams.map((s) => h.execute(Add(s, { by: 1 }))))).map((o) => accepted(o).version);
    assert.deepEqual(new Set(await versions(cold)), new Set([3]));
    assert.deepEqual(calls, { load: [40], append: [40] });
    assert.deepEqual(new Set(await versions(handler)), new Set([4]), "the other's events arrive by the conflict");
    assert.deepEqual(new Set(await versions(handler)), new Set([5]));
    assert.deepEqual(calls.load, [40]);
    const events = await store.read(
      "counters",
      [0, 1, 2, 3].map((partition) => ({ partition, position: 1 })),
      1_000,
    );
    const last = events.filter((e) => e.stream === "c-7" && e.version === 5).map((e) => JSON.parse(e.data) as unknown);
    assert.deepEqual(last, [{ by: 1, sum: 10 }]);
  });

  test(`${engine.name}: a command that always creates is not preceded by a query; a wrong guess is put right`, async (t) => {
    const calls = { load: [] as number[], append: [] as number[] };
    const { handler, database } = await open(t, { wrap: counted(calls) });
    for (let i = 0; i < 6; i++) accepted(await handler.execute(Open(`c-${i}`, {})));
    assert.equal(calls.load.length, 3);
    const { handler: other } = await handlerOn(t, database);
    accepted(await other.execute(Open("taken", {})));
    assert.equal(rejected(await handler.execute(Open("taken", {}))).rejection, "AlreadyOpen");
    accepted(await handler.execute(Open("c-9", {})));
    assert.equal(calls.load.length, 4, "after a wrong guess it asks again");
  });

  test(`${engine.name}: the same id from two processes at once gets one answer`, async (t) => {
    const { database, again, handler } = await open(t);
    const { handler: other } = await handlerOn(t, engine.name === "postgres" ? await again() : database);
    const pairs = await Promise.all(
      Array.from({ length: 60 }, async (_, i) => {
        const commandId = `shared-${i}`;
        return Promise.all([handler, other].map((each) => each.execute(Open(`c-${i}`, {}), { commandId })));
      }),
    );
    for (const [a, b] of pairs) {
      assert.deepEqual({ ...a, replayed: false }, { ...b, replayed: false });
      assert.ok(accepted(a!).version === 1);
    }
    const { rows } = await database.query({ text: "select count(*) as events from events" });
    assert.deepEqual(rows, [{ events: 60 }]);
  });

  test(`${engine.name}: two processes that write the same streams lose nothing, be it in one call or by lanes`, async (t) => {
    const { database, again, handler } = await open(t);
    const other = (
      await handlerOn(t, engine.name === "postgres" ? await again() : database, { joinUpTo: 4, halveUpTo: 20, maxAttempts: 50 })
    ).handler;
    await Promise.all([0, 1, 2].map((i) => handler.execute(Open(`c-${i}`, {}))));
    const adds = Array.from({ length: 120 }, (_, i) => (i % 2 === 0 ? handler : other).execute(Add(`c-${i % 3}`, { by: 1 })));
    const outcomes = (await Promise.all(adds)).map(accepted);
    for (const stream of ["c-0", "c-1", "c-2"]) {
      assert.deepEqual(
        outcomes
          .filter((o) => o.stream === stream)
          .map((o) => o.version)
          .toSorted((a, b) => a - b),
        Array.from({ length: 40 }, (_, i) => i + 2),
      );
    }
    const { rows } = await database.query({ text: "select stream, data->>'sum' as sum from events where version = 41 order by stream" });
    assert.deepEqual(
      rows,
      ["c-0", "c-1", "c-2"].map((stream) => ({ stream, sum: "40" })),
    );
  });

  test(`${engine.name}: text that slipped through fails alone among 64 good commands`, async (t) => {
    const { database, handler } = await open(t, {
      // as if a schema had let it pass: the store itself is the last net
      wrap: (store) =>
        new Proxy(store, {
          get: (target, name) =>
            name === "append"
              ? (lane: number, commands: Parameters<EventStore["append"]>[1]) =>
                  target.append(
                    lane,
                    commands.map((c) => (c.stream === "bad" ? { ...c, fingerprint: "\u0000" } : c)),
                  )
              : (Reflect.get(target, name, target) as unknown),
        }),
    });
    const bad = assert.rejects(handler.execute(Open("bad", {})), code("INVALID_INPUT"));
    const good = await Promise.all(Array.from({ length: 64 }, (_, i) => handler.execute(Open(`c-${i}`, {}))));
    await bad;
    assert.ok(good.every((o) => o.accepted && o.version === 1));
    const { rows } = await database.query({ text: "select count(*) as events from events" });
    assert.deepEqual(rows, [{ events: 64 }]);
    await assert.rejects(handler.execute(Open("c", { label: "\u0000" })), code("INVALID_INPUT"));
  });

  test(`${engine.name}: events over the log's limit are refused before the commit, faults of decide are told, neither is stored`, async (t) => {
    const { handler } = await open(t, { maxEventBytes: 50_000 });
    await handler.execute(Burst("c", { bytes: 40_000 }));
    await assert.rejects(handler.execute(Burst("c", { bytes: 60_000 })), code("EVENT_TOO_LARGE"));
    handler.limitEventBytes("counters", 20_000);
    await assert.rejects(handler.execute(Burst("c", { bytes: 30_000 }), { commandId: "b" }), code("EVENT_TOO_LARGE"));
    await assert.rejects(handler.execute(Break("c")), /decide is broken/);
    handler.limitEventBytes("counters", 40_000);
    assert.equal(accepted(await handler.execute(Burst("c", { bytes: 30_000 }), { commandId: "b" })).replayed, false);
  });

  test(`${engine.name}: an event that this release does not know fails its stream's commands, and no others`, async (t) => {
    const { handler, store } = await open(t);
    const command = write("c-1", 1, { log: "counters", partition: partitionOf("c-1", 4) });
    await store.append(store.laneOf("counters", command.partition), [
      { ...command, events: command.events.map((e) => ({ ...e, type: "Renamed" })) },
    ]);
    const [bad, good] = await Promise.allSettled([handler.execute(Add("c-1", { by: 1 })), handler.execute(Open("c-2", {}))]);
    assert.ok(bad.status === "rejected" && isTidemarkError(bad.reason, "UNKNOWN_EVENT"));
    assert.ok(good.status === "fulfilled");
  });

  test(`${engine.name}: a full queue says OVERLOADED, an endless conflict CONTENTION, a closed handler CLOSED`, async (t) => {
    const { database } = await engine.open(t);
    const { handler: small } = await handlerOn(t, database, { maxQueued: 2 });
    const results = await Promise.allSettled(["a", "b", "c"].map((s) => small.execute(Open(s, {}))));
    assert.deepEqual(
      results.map((r) => (r.status === "rejected" ? (isTidemarkError(r.reason) ? r.reason.code : "?") : "ok")),
      ["ok", "ok", "OVERLOADED"],
    );
    const { handler: unlucky } = await handlerOn(t, database, {
      maxAttempts: 3,
      // each time just before, somebody else writes the stream
      wrap: (store) =>
        new Proxy(store, {
          get: (target, name) =>
            name === "append"
              ? async (lane: number, commands: Parameters<EventStore["append"]>[1]) => {
                  const version = (await target.load([{ log: "counters", stream: "a" }]))[0]!.version;
                  await target.append(lane, [
                    {
                      ...write("a", 1, { log: "counters", partition: partitionOf("a", 4), expectedVersion: version }),
                      events: [{ id: randomUUID(), type: "Padded", schemaVersion: 1, data: '{"padding":""}', metadata: "{}" }],
                    },
                  ]);
                  return target.append(lane, commands);
                }
              : (Reflect.get(target, name, target) as unknown),
        }),
    });
    await assert.rejects(unlucky.execute(Add("a", { by: 1 })), code("CONTENTION"));
    await small.close();
    await assert.rejects(small.execute(Open("d", {})), code("CLOSED"));
  });
}

test("postgres: after a lost connection the outcome is UNAVAILABLE, the repeat has one answer, and nothing rests on old states", async (t) => {
  const { database } = await engines[0]!.open(t);
  const { handler, store } = await handlerOn(t, database);
  await handler.execute(Open("c", {}));
  const blocker = await database.dedicated();
  t.after(() => blocker.close());
  await blocker.script("begin; select from heads for update");
  const cut = assert.rejects(handler.execute(Add("c", { by: 5 }), { commandId: "lost" }), code("UNAVAILABLE"));
  const kill = async (): Promise<void> => {
    const { rowCount } = await database.query({
      text: "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock' and query like '%tidemark_append%'",
    });
    if (rowCount === 0) await kill();
  };
  await kill();
  await cut;
  await blocker.script("rollback");
  // meanwhile another process has moved the stream
  const partition = partitionOf("c", 4);
  await store.append(store.laneOf("counters", partition), [
    {
      ...write("c", 1, { log: "counters", partition, expectedVersion: 1 }),
      events: [{ id: randomUUID(), type: "Added", schemaVersion: 1, data: '{"by":100,"sum":100}', metadata: "{}" }],
    },
  ]);
  assert.equal(accepted(await handler.execute(Add("c", { by: 5 }), { commandId: "lost" })).version, 3);
  const { events } = (await store.load([{ log: "counters", stream: "c" }]))[0]!;
  assert.deepEqual(
    events.map((e) => e.data),
    [{}, { by: 100, sum: 100 }, { by: 5, sum: 105 }],
  );
  assert.equal((await handler.execute(Add("c", { by: 5 }), { commandId: "lost" })).replayed, true);
});
