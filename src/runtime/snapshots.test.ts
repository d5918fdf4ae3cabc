/** Which states become snapshots, when they are written, and what happens where they are not. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ledgers } from "../../test/ledgers.ts";
import { eventually, recordingLogger } from "../../test/memory-world.ts";
import type { AnyAggregate } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import type { LoadedStream, NewStoredEvent, SnapshotRow } from "./ports.ts";
import { snapshots, type SnapshotsOptions } from "./snapshots.ts";

const every10 = ledgers({ every: 10 });
const events = (n: number, version: number): NewStoredEvent[] =>
  Array.from({ length: n }, (_, i) => ({ id: `e-${version - n + i + 1}`, type: "Booked", schemaVersion: 1, data: "{}", metadata: "{}" }));
const loaded = (version: number, from = 0): LoadedStream => ({
  version,
  lastEventId: `e-${version}`,
  ...(from > 0 && { snapshot: { version: from, state: {} } }),
  events: events(version - from, version).map((event, i) => ({ version: from + i + 1, type: event.type, schemaVersion: 1, data: {} })),
});

/** A store that answers when it is told to. */
function setUp(options: Partial<SnapshotsOptions> = {}) {
  const calls: { readonly rows: readonly SnapshotRow[]; end(error?: Error): void }[] = [];
  const logger = recordingLogger();
  const taken = snapshots({
    store: {
      saveSnapshots: (rows) =>
        new Promise((resolve, reject) => calls.push({ rows, end: (error) => (error === undefined ? resolve() : reject(error)) })),
    },
    logger,
    ...options,
  });
  const append = (stream: string, version: number, n = 1, state: unknown = { at: version }, of: AnyAggregate = every10) =>
    taken.appended(of, stream, { version, state }, events(n, version));
  const call = async (number: number) => {
    await eventually(`save ${number}`, () => calls.length >= number);
    return calls[number - 1]!;
  };
  return { taken, calls, call, append, logger };
}
const shown = (rows: readonly SnapshotRow[]) => rows.map((row) => `${row.stream}@${row.version} ${row.eventId} ${row.state}`);

test("a state is written when its version reaches or passes a multiple of `every`, with its reducer and the id of its last event", async () => {
  const { taken, append, call } = setUp();
  for (const [stream, version, n] of [
    ["below", 9, 9],
    ["at", 10, 1],
    ["above", 11, 1],
    ["past", 23, 5],
    ["far", 45, 25],
  ] as const)
    append(stream, version, n);
  append("none", 20, 0);
  append("undeclared", 10, 1, {}, ledgers(undefined));
  const { rows, end } = await call(1);
  assert.deepEqual(shown(rows), [`at@10 e-10 {"at":10}`, `past@23 e-23 {"at":23}`, `far@45 e-45 {"at":45}`]);
  assert.deepEqual([...new Set(rows.map((row) => `${row.log} ${row.reducer}`))], [`ledgers ${every10.snapshots!.reducer}`]);
  end();
  await taken.close();
});

test("a load that folded `every` events or more is worth a snapshot; a fault is none", async () => {
  const { taken, call, calls } = setUp();
  const load = (stream: string, of: LoadedStream, fault?: unknown) =>
    taken.loaded(every10, stream, of, { version: of.version, state: of.version, ...(fault !== undefined && { fault }) });
  load("short", loaded(9));
  load("long", loaded(10));
  load("snapshot and little", loaded(34, 25));
  load("snapshot and more", loaded(35, 25));
  load("absent", { version: 0, events: [] });
  load("broken", loaded(50), new Error("broken"));
  taken.loaded(ledgers(undefined), "undeclared", loaded(50), { version: 50, state: 50 });
  const { rows, end } = await call(1);
  assert.deepEqual(shown(rows), ["long@10 e-10 10", "snapshot and more@35 e-35 35"]);
  end();
  await taken.close();
  assert.equal(calls.length, 1);
});

test("one save at a time: what comes meanwhile waits together, the newest state of each stream", async () => {
  const { taken, append, call, calls } = setUp();
  append("a", 10);
  const first = await call(1);
  append("a", 20);
  append("b", 10);
  append("a", 30);
  // an older one that comes late
  taken.loaded(every10, "a", loaded(25), { version: 25, state: "old" });
  await new Promise(setImmediate);
  assert.equal(calls.length, 1);
  first.end();
  const second = await call(2);
  assert.deepEqual(shown(second.rows), [`a@30 e-30 {"at":30}`, `b@10 e-10 {"at":10}`]);
  second.end();
  await taken.close();
  assert.equal(calls.length, 2);
});

test("saves are bounded in rows and in text, and so is what waits", async () => {
  const { taken, append, call, calls } = setUp({ maxRows: 2, maxText: 20, maxWaiting: 4 });
  for (const stream of ["a", "b", "c", "d", "e"]) append(stream, 10, 1, stream === "c" ? "long".repeat(10) : stream);
  append("d", 20, 1, "newer");
  for (const [number, streams] of [["a", "b"], ["c"], ["d"]].entries()) {
    const { rows, end } = await call(number + 1);
    assert.deepEqual(
      rows.map((row) => row.stream),
      streams,
    );
    end();
  }
  await taken.close();
  assert.equal(calls.at(-1)!.rows[0]!.version, 20);
});

test("a failed save is a line in the log; the next one is tried", async () => {
  const { taken, append, call, logger } = setUp();
  append("a", 10);
  (await call(1)).end(new TidemarkError("UNAVAILABLE", { what: "The write store" }));
  await eventually("the failure was told", () => logger.has("The write store"));
  append("a", 20);
  (await call(2)).end();
  await taken.close();
  assert.deepEqual(
    logger.lines.map((line) => line.level),
    ["warn"],
  );
});

test("a state that is not JSON is not stored, which is said once for its aggregate; others are", async () => {
  const { taken, append, call, logger } = setUp();
  append("a", 10, 1, { when: new Date(0) });
  append("b", 10, 1, { when: undefined });
  append("c", 10);
  const { rows, end } = await call(1);
  assert.deepEqual(
    rows.map((row) => row.stream),
    ["c"],
  );
  end();
  await taken.close();
  assert.deepEqual(
    logger.lines.map(({ level, fields }) => [level, fields.code, fields.log, fields.stream, fields.pointer]),
    [["error", "INVALID_DEFINITION", "ledgers", "a", "/when"]],
  );
  assert.match(logger.lines[0]!.message, /Log 'ledgers' keeps snapshots, so its states must be JSON, but \/when is a Date/);
});

test("close waits for the save in flight and for what waits behind it; then nothing is taken", async () => {
  const { taken, append, call, calls } = setUp();
  append("a", 10);
  const first = await call(1);
  append("b", 10);
  let closed = false;
  const closing = taken.close().then(() => (closed = true));
  append("c", 10);
  await new Promise(setImmediate);
  assert.equal(closed, false);
  first.end();
  const second = await call(2);
  assert.equal(closed, false);
  second.end();
  await closing;
  assert.deepEqual(
    calls.flatMap(({ rows }) => rows.map((row) => row.stream)),
    ["a", "b"],
  );
});
