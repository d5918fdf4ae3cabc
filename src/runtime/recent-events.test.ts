import assert from "node:assert/strict";
import { test } from "node:test";
import type { AppendCommand, AppendOutcome } from "./ports.ts";
import { recentEvents } from "./recent-events.ts";

const command = (partition: number, name: string, n: number, data = "{}"): AppendCommand => ({
  id: `c-${name}`,
  fingerprint: name,
  log: "orders",
  partition,
  stream: "s",
  baseVersion: 0,
  expectedVersion: 0,
  ifMatch: false,
  kind: "events",
  answer: "{}",
  events: Array.from({ length: n }, (_, i) => ({ id: `${name}-${i + 1}`, type: "T", schemaVersion: 2, data, metadata: "{}" })),
});
const appended = (position: number, version = position): AppendOutcome => ({ status: "appended", position, version });

function setUp(maxBytes?: number) {
  let epoch = 1;
  const recent = recentEvents(() => epoch, maxBytes);
  return {
    recent,
    raise: () => (epoch += 1),
    put: (partition: number, name: string, n: number, position: number, data?: string) =>
      recent.appended(epoch, [command(partition, name, n, data)], [appended(position)]),
    ids: (partition: number, position: number, eventId: string | null, limit = 100) =>
      recent.after("orders", { partition, position, eventId }, limit)?.map((event) => `${event.position}:${event.id}`) ?? null,
  };
}

test("gives what follows upon an event that it holds, with the positions and versions of the append", () => {
  const { recent, put, ids } = setUp();
  assert.deepEqual(ids(0, 0, null), [], "it has heard of nothing");
  put(0, "a", 2, 2);
  put(0, "b", 1, 3);
  assert.deepEqual(ids(0, 0, null), ["1:a-1", "2:a-2", "3:b-1"]);
  assert.deepEqual(ids(0, 1, "a-1"), ["2:a-2", "3:b-1"]);
  assert.deepEqual(ids(0, 1, "a-1", 1), ["2:a-2"]);
  assert.deepEqual(ids(0, 3, "b-1"), []);
  assert.deepEqual(ids(1, 0, null), []);
  assert.deepEqual(recent.after("orders", { partition: 0, position: 2, eventId: "a-2" }, 9), [
    {
      log: "orders",
      partition: 0,
      position: 3,
      stream: "s",
      version: 3,
      type: "T",
      schemaVersion: 2,
      id: "b-1",
      commandId: "c-b",
      data: "{}",
      metadata: "{}",
    },
  ]);
});

test("an event that was handled last and is not its own, or another one, is for the store to say", () => {
  const { put, ids } = setUp();
  put(0, "b", 2, 8);
  assert.equal(ids(0, 6, "x"), null, "the event before is not held");
  assert.equal(ids(0, 0, null), null);
  assert.equal(ids(0, 7, "other"), null, "another event at that position");
  assert.equal(ids(0, 7, null), null, "an id that is not known proves nothing");
  assert.deepEqual(ids(0, 7, "b-1"), ["8:b-2"]);
});

test("an append of another process makes a hole: nothing from before it, nothing over it", () => {
  const { put, ids } = setUp();
  put(0, "a", 2, 2);
  put(0, "b", 1, 4);
  assert.equal(ids(0, 2, "a-2"), null);
  assert.equal(ids(0, 1, "a-1"), null);
  assert.equal(ids(0, 3, "x"), null);
  put(0, "c", 1, 5);
  assert.deepEqual(ids(0, 4, "b-1"), ["5:c-1"]);
});

test("a raised epoch empties it, and what was under way meanwhile is not taken", () => {
  const { recent, raise, put, ids } = setUp();
  put(0, "a", 2, 2);
  raise();
  assert.deepEqual(ids(0, 1, "a-1"), [], "it has heard of nothing in this epoch: who was told in another one reads the store");
  recent.appended(1, [command(0, "b", 2)], [appended(4)]);
  assert.equal(ids(0, 2, "a-2"), null);
  assert.equal(ids(0, 3, "b-1"), null);
  put(0, "c", 1, 5);
  assert.equal(ids(0, 4, "b-2"), null);
  put(0, "d", 1, 6);
  assert.deepEqual(ids(0, 5, "c-1"), ["6:d-1"]);
});

test("a history that was put back: lower positions count, what was handled beyond them is for the store to say", () => {
  const { raise, put, ids } = setUp();
  put(0, "a", 5, 5);
  raise();
  put(0, "b", 4, 6);
  assert.equal(ids(0, 5, "a-5"), null, "another event is there");
  put(0, "c", 1, 3);
  assert.deepEqual(ids(0, 2, "b-9"), null);
});

test("knows how far it has heard, of every partition asked for", () => {
  const { recent, raise, put } = setUp();
  put(0, "a", 2, 2);
  const knows = (...ends: [number, number][]) =>
    recent.knows(
      "orders",
      ends.map(([partition, position]) => ({ partition, position })),
    );
  assert.equal(knows([0, 2]), true);
  assert.equal(knows([0, 3]), false);
  assert.equal(knows([0, 2], [1, 1]), false, "a repeat that another process stored");
  raise();
  assert.equal(knows([0, 2]), true);
});

test("only what was stored as events is taken", () => {
  const { recent, ids } = setUp();
  recent.appended(
    1,
    [command(0, "a", 1), command(0, "b", 1), { ...command(0, "r", 0), kind: "rejection" }, command(0, "c", 1)],
    [{ status: "duplicate", first: null }, appended(1), appended(1), { status: "conflict", version: 1, events: null }],
  );
  assert.deepEqual(ids(0, 0, null), ["1:b-1"]);
});

test("is bounded in bytes: the partition that was written longest ago goes first, and says that it has heard of more", () => {
  const { put, ids } = setUp(10_000);
  const data = JSON.stringify("x".repeat(1_000));
  put(0, "a", 1, 1, data);
  put(1, "b", 1, 1, data);
  for (let i = 2; i < 50; i++) put(1, `b${i}`, 1, i, data);
  assert.equal(ids(0, 0, null), null);
  assert.equal(ids(1, 0, null), null);
  put(1, "c", 1, 50, data);
  put(1, "d", 1, 51, data);
  assert.deepEqual(ids(1, 50, "c-1"), ["51:d-1"]);
  put(2, "e", 20, 20, data);
  assert.equal(ids(2, 0, null), null, "more than it takes at once");
});
