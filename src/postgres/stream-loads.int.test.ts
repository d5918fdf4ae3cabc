/** Streams with and without snapshots, on both engines. */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test, type TestContext } from "node:test";
import { ledgers } from "../../test/ledgers.ts";
import { recordingLogger } from "../../test/memory-world.ts";
import { engines, write, writeStore } from "../../test/write-side.ts";
import { commandHandler } from "../runtime/command-handler.ts";
import type { EventStore, SnapshotRow } from "../runtime/ports.ts";
import { eventStore } from "./event-store.ts";
import type { Database, Statement } from "./sql.ts";

const range = (n: number, from = 0) => Array.from({ length: n }, (_, i) => from + i);

/** Keeps the texts of what is asked. */
const listened = (database: Database, said: Statement[]): Database =>
  new Proxy(database, {
    get(target, name) {
      if (name === "query") return (statement: Statement) => (said.push(statement), target.query(statement));
      return Reflect.get(target, name, target) as unknown;
    },
  });

for (const engine of engines) {
  const open = async (t: TestContext) => {
    const { database, again } = await engine.open(t);
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], 1);
    const append = async (stream: string, n: number, from = 0) => {
      const command = write(stream, n, { expectedVersion: from });
      const [outcome] = await store.append(0, [command]);
      assert.equal(outcome!.status, "appended");
      return command.events.map((event) => event.id);
    };
    const load = async (stream: string, reducer?: string) => (await store.load([{ log: "orders", stream, reducer }]))[0]!;
    return { database, again, store, append, load };
  };
  const row = (stream: string, version: number, eventId: string, change: Partial<SnapshotRow> = {}): SnapshotRow => ({
    log: "orders",
    stream,
    version,
    eventId,
    reducer: "1-a",
    state: `{"at":${version}}`,
    ...change,
  });

  test(`${engine.name}: a snapshot of the asked reducer stands for the events up to it, and no other does`, async (t) => {
    const { store, append, load } = await open(t);
    const ids = await append("o-1", 5);
    await append("o-2", 2);
    await store.saveSnapshots([row("o-1", 3, ids[2]!, { state: '{"at": 3, "text":"\\u0000é"}' })]);
    const whole = await load("o-1");
    assert.deepEqual([whole.version, whole.lastEventId, whole.snapshot], [5, ids[4], undefined]);
    assert.deepEqual(
      whole.events.map((event) => event.version),
      [1, 2, 3, 4, 5],
    );
    assert.deepEqual(await load("o-1", "1-a"), {
      version: 5,
      lastEventId: ids[4],
      snapshot: { version: 3, state: { at: 3, text: "\u0000é" } },
      events: [
        { version: 4, type: "Happened", schemaVersion: 1, data: { n: 3 } },
        { version: 5, type: "Happened", schemaVersion: 1, data: { n: 4 } },
      ],
    });
    for (const other of ["2-a", "1-b", ""]) assert.deepEqual(await load("o-1", other), whole);
    await store.saveSnapshots([row("o-1", 5, ids[4]!)]);
    assert.deepEqual(await load("o-1", "1-a"), { version: 5, lastEventId: ids[4], snapshot: { version: 5, state: { at: 5 } }, events: [] });
    const several = await store.load([
      { log: "orders", stream: "o-2", reducer: "1-a" },
      { log: "orders", stream: "absent", reducer: "1-a" },
      { log: "orders", stream: "o-1" },
      { log: "orders", stream: "o-1", reducer: "1-a" },
      { log: "none", stream: "o-1", reducer: "1-a" },
    ]);
    assert.deepEqual(
      several.map(({ version, snapshot, events }) => [version, snapshot?.version, events.length]),
      [
        [2, undefined, 2],
        [0, undefined, 0],
        [5, undefined, 5],
        [5, 5, 0],
        [0, undefined, 0],
      ],
    );
  });

  test(`${engine.name}: a save keeps the newest of a reducer and replaces another reducer's`, async (t) => {
    const { store, append, load } = await open(t);
    const ids = await append("o-1", 9);
    const save = (version: number, reducer: string) => store.saveSnapshots([row("o-1", version, ids[version - 1]!, { reducer })]);
    const found = async () => [(await load("o-1", "1-a")).snapshot?.version, (await load("o-1", "2-a")).snapshot?.version];
    await save(6, "1-a");
    await save(4, "1-a");
    assert.deepEqual(await found(), [6, undefined]);
    await save(8, "1-a");
    assert.deepEqual(await found(), [8, undefined]);
    await save(3, "2-a");
    assert.deepEqual(await found(), [undefined, 3]);
    await store.saveSnapshots([]);
    assert.deepEqual(await found(), [undefined, 3]);
  });

  test(`${engine.name}: a snapshot ahead of its stream or of another history is neither kept nor believed, and makes way`, async (t) => {
    const { database, store, append, load } = await open(t);
    const ids = await append("o-1", 3);
    await store.saveSnapshots([row("o-1", 4, randomUUID()), row("absent", 1, randomUUID())]);
    await store.saveSnapshots([row("o-1", 3, randomUUID())]);
    assert.equal((await database.query({ text: "select from snapshots" })).rows.length, 0);
    const whole = await load("o-1");
    const put = (version: number, id: string) =>
      database.query({
        text: `insert into snapshots(log, stream, version, reducer, state, event_id) values ('orders', 'o-1', $1, '1-a', '"lie"', $2)
               on conflict (log, stream) do update set version = excluded.version, event_id = excluded.event_id, state = excluded.state`,
        values: [version, id],
      });
    for (const [version, id] of [
      [4, randomUUID()],
      [4, ids[2]!],
      [3, randomUUID()],
      [2, ids[2]!],
    ] as const) {
      await put(version, id);
      assert.deepEqual(await load("o-1", "1-a"), whole);
    }
    await put(7, randomUUID());
    await store.saveSnapshots([row("o-1", 2, ids[1]!)]);
    assert.deepEqual((await load("o-1", "1-a")).snapshot, { version: 2, state: { at: 2 } });
  });

  test(`${engine.name}: saves of several processes at once, in any order of streams, end with the newest of each`, async (t) => {
    const { again, store, append } = await open(t);
    const streams = range(20).map((i) => `o-${i}`);
    const ids = new Map<string, readonly string[]>();
    for (const stream of streams) ids.set(stream, await append(stream, 12));
    const stores = await Promise.all(range(4).map(async () => eventStore(await again())));
    await Promise.all(
      stores.flatMap((one, i) =>
        range(12).map((k) => {
          const version = ((k * 5 + i * 7) % 12) + 1;
          const rows = streams.map((stream) => row(stream, version, ids.get(stream)![version - 1]!));
          return one.saveSnapshots(i % 2 === 0 ? rows : rows.toReversed());
        }),
      ),
    );
    const loaded = await store.load(streams.map((stream) => ({ log: "orders", stream, reducer: "1-a" })));
    assert.deepEqual(
      loaded.map((one) => [one.snapshot, one.events.length]),
      streams.map(() => [{ version: 12, state: { at: 12 } }, 0]),
    );
    await Promise.all(stores.map((one) => one.close()));
  });

  test(`${engine.name}: a long stream comes whole and in order, and a type that is none of ours is not taken apart`, async (t) => {
    const { database, store, append, load } = await open(t);
    const ids = await append("o-1", 700);
    await append("o-1", 1, 700);
    await database.query({
      text: "update events set type = $1, data = '[1,\"a,b\"]' where stream = 'o-1' and version = 300",
      values: ["A\x1fB"],
    });
    const whole = await load("o-1");
    assert.deepEqual(
      whole.events.map((event) => event.version),
      range(701, 1),
    );
    assert.deepEqual(whole.events[299]!.data, [1, "a,b"]);
    assert.ok(whole.events[299]!.type.includes("A\x1fB"));
    assert.deepEqual(whole.events[698], { version: 699, type: "Happened", schemaVersion: 1, data: { n: 698 } });
    await store.saveSnapshots([row("o-1", 511, ids[510]!)]);
    const { snapshot, events } = await load("o-1", "1-a");
    assert.equal(snapshot?.version, 511);
    assert.deepEqual(
      events.map((event) => event.version),
      range(190, 512),
    );
  });

  test(`${engine.name}: 1,000 streams with and without snapshots are one query`, async (t) => {
    const { database, store } = await open(t);
    const commands = range(1_000).map((i) => write(`o-${i}`, 3));
    await store.append(0, commands);
    await store.saveSnapshots(commands.filter((_, i) => i % 2 === 0).map(({ stream, events }) => row(stream, 2, events[1]!.id)));
    const said: Statement[] = [];
    const counting = eventStore(listened(database, said));
    const loaded = await counting.load(commands.map(({ stream }) => ({ log: "orders", stream, reducer: "1-a" })));
    assert.equal(said.length, 1);
    assert.deepEqual(
      loaded.map(({ version, lastEventId, snapshot, events }) => [version, lastEventId, snapshot?.version, events.length]),
      commands.map(({ events }, i) => [3, events[2]!.id, ...(i % 2 === 0 ? [2, 1] : [undefined, 3])]),
    );
    for (const analyzed of [false, true]) {
      if (analyzed) for (const table of ["events", "snapshots"]) await database.query({ text: `analyze ${table}` });
      const { text, values } = said[0]!;
      const { rows } = await database.query<{ "QUERY PLAN": string }>({ text: `explain ${text}`, values: values! });
      const plan = rows.map((line) => line["QUERY PLAN"]).join("\n");
      assert.doesNotMatch(plan, /Seq Scan|Hash Join|Merge Join/, plan);
      // of a stream no more than the one event of its snapshot and those after it
      for (const condition of [/stream = u\.stream/, /version = k\.version/, /version > COALESCE/])
        assert.ok(
          plan.split("\n").some((line) => line.includes("Index Cond") && condition.test(line)),
          plan,
        );
    }
    await counting.close();
  });

  test(`${engine.name}: a handler that keeps hardly a state goes on from its snapshots as one that folds everything`, async (t) => {
    const { database } = await engine.open(t);
    const loads: number[] = [];
    const definition = ledgers({ every: 4 });
    const store = await writeStore(t, database, { lanes: 1 });
    const counted: EventStore = {
      ...store,
      async load(streams) {
        const answers = await store.load(streams);
        loads.push(...answers.map((one) => one.events.length));
        return answers;
      },
    };
    const identities = new Map((await store.openLogs(["ledgers"], 2)).map((one) => [one.log, one]));
    const logger = recordingLogger();
    const start = (aggregate: ReturnType<typeof ledgers>) =>
      commandHandler({ store: counted, aggregates: [aggregate], identities, logger, cachedStreams: 1 });
    const seen = async (aggregate: ReturnType<typeof ledgers>) => {
      const handler = start(aggregate);
      const outcome = await handler.execute(aggregate.commands.Put("a", { amounts: [0] }));
      await handler.close();
      assert.ok(outcome.accepted);
      const events = await store.load([{ log: "ledgers", stream: "a" }]);
      return (events[0]!.events.at(-1)!.data as { seen: number }).seen;
    };
    for (let i = 0; i < 12; i++) {
      // each by a new process, so that each save has ended
      const handler = start(definition);
      for (const stream of ["a", "b"]) await handler.execute(definition.commands.Put(stream, { amounts: [i, i + 1] }));
      await handler.close();
    }
    assert.ok(Math.max(...loads) < 4, `folded ${loads.join(", ")} events`);
    const plain = [...(await store.load([{ log: "ledgers", stream: "a" }]))[0]!.events];
    const folded = plain.reduce<unknown>(
      (state, event) => (definition as { evolve(state: unknown, event: unknown): unknown }).evolve(state, event),
      definition.initial,
    ) as { digest: number };
    assert.equal(await seen(definition), folded.digest);
    // another reducer folds all of it anew
    loads.length = 0;
    await seen(ledgers({ every: 4, version: 2 }));
    assert.ok(loads[0]! >= 24);
    assert.deepEqual(logger.lines, []);
  });
}
