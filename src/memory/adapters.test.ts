import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../../test/memory-world.ts";
import { orderTotals } from "../../test/view-domain.ts";
import { isTidemarkError } from "../errors.ts";
import type { AppendCommand } from "../runtime/ports.ts";
import {
  broker,
  faults,
  memoryEventStore,
  memoryLogWriters,
  memoryTransport,
  memoryViewStore,
  readDatabase,
  writeDatabase,
} from "./index.ts";

const command = (id: string, expectedVersion: number, change: Partial<AppendCommand> = {}): AppendCommand => ({
  id,
  fingerprint: `f ${id}`,
  log: "orders",
  partition: 0,
  stream: "o-1",
  baseVersion: 0,
  expectedVersion,
  ifMatch: false,
  kind: "events",
  answer: `{"of":"${id}"}`,
  events: [{ id: `event of ${id}`, type: "Added", schemaVersion: 1, data: "{}", metadata: "{}" }],
  ...change,
});
const none = { kind: "none", events: [] } as const;

async function opened() {
  const store = memoryEventStore(writeDatabase());
  await store.openLogs(["orders"], 2);
  return store;
}

test("append: a chain of one stream in one call, dense versions and positions, other streams beside it", async () => {
  const store = await opened();
  assert.deepEqual(await store.append(0, [command("a", 0), command("b", 1), command("c", 0, { stream: "o-2" }), command("d", 2, none)]), [
    { status: "appended", version: 1, position: 1 },
    { status: "appended", version: 2, position: 2 },
    { status: "appended", version: 1, position: 3 },
    { status: "appended", version: 2, position: 2 },
  ]);
  assert.deepEqual(
    (await store.read("orders", [{ partition: 0, position: 2 }], 9)).map(({ position, stream, version, id }) => [
      position,
      stream,
      version,
      id,
    ]),
    [
      [2, "o-1", 2, "event of b"],
      [3, "o-2", 1, "event of c"],
    ],
  );
  assert.deepEqual(await store.heads("orders"), [3, 0]);
  assert.deepEqual(
    (
      await store.load([
        { log: "orders", stream: "o-1" },
        { log: "orders", stream: "none" },
      ])
    ).map(({ version, events }) => [version, events.length]),
    [
      [2, 2],
      [0, 0],
    ],
  );
});

test("append: a known id is a duplicate with its first answer, before any version is looked at; what follows it in its stream falls", async () => {
  const store = await opened();
  await store.append(0, [command("a", 0)]);
  const [again, next, other] = await store.append(0, [
    command("a", 7, { fingerprint: "other" }),
    command("b", 8),
    command("c", 0, { stream: "o-2" }),
  ]);
  assert.deepEqual(again, {
    status: "duplicate",
    first: { fingerprint: "f a", log: "orders", partition: 0, stream: "o-1", kind: "events", version: 1, position: 1, answer: { of: "a" } },
  });
  assert.equal(next?.status, "conflict");
  assert.equal(other?.status, "appended");
  await store.append(0, [command("rejected", 1, { kind: "rejection", events: [] })]);
  const [rejected, check] = await store.append(0, [command("rejected", 0, none), command("checked", 1, { kind: "check", events: [] })]);
  assert.equal(rejected?.status === "duplicate" && rejected.first?.kind, "rejection");
  assert.deepEqual(check, { status: "checked", version: 1, position: 1 });
  assert.deepEqual(
    await store.append(0, [command("checked", 1, { kind: "check", events: [] })]),
    [{ status: "checked", version: 1, position: 1 }],
    "a check stores nothing",
  );
});

test("append: another version is a conflict with what is missing; If-Match makes it final", async () => {
  const store = await opened();
  await store.append(0, [command("a", 0), command("b", 1)]);
  const [conflict, fallen] = await store.append(0, [command("c", 1, { baseVersion: 1 }), command("d", 2, { baseVersion: 1 })]);
  assert.deepEqual(conflict, { status: "conflict", version: 2, events: [{ version: 2, type: "Added", schemaVersion: 1, data: {} }] });
  assert.equal(fallen?.status, "conflict", "it falls with the one before it, though its own version is right");
  assert.deepEqual(await store.append(0, [command("e", 1, { ifMatch: true })]), [{ status: "mismatch", version: 2 }]);
  assert.deepEqual((await store.append(0, [command("f", 3, { stream: "new", ifMatch: true, baseVersion: 3 })]))[0], {
    status: "conflict",
    version: 0,
    events: null,
  });
  assert.deepEqual(await store.heads("orders"), [2, 0], "nothing was written");
});

test("append: data that it refuses fails the call as a whole", async () => {
  const store = await opened();
  for (const [change, problem] of [
    [{ log: "other" }, /unknown log/],
    [{ partition: 2 }, /unknown log or partition/],
    [{ answer: "{" }, /JSON/],
    [{ id: "a" }, /twice/],
    [{ stream: "o-1", partition: 1 }, /another partition/],
  ] as const)
    await assert.rejects(store.append(0, [command("a", 0), command("b", 0, { stream: "o-2", ...change })]), problem);
  assert.deepEqual(await store.heads("orders"), [0, 0]);
  const held = store.faults.hold("append");
  const first = store.append(1, [command("x", 0)]);
  await held.reached;
  await assert.rejects(store.append(1, [command("y", 0)]), /two calls at a time in lane 1/);
  held.release();
  await first;
});

test("faults: before is without effect, after is an unknown outcome, and what is killed has no effect any more", async () => {
  const database = writeDatabase();
  const store = memoryEventStore(database);
  const [identity] = await store.openLogs(["orders"], 2);
  const unavailable = (error: unknown) => isTidemarkError(error, "UNAVAILABLE");
  store.faults.fail("append");
  await assert.rejects(store.append(0, [command("a", 0)]), unavailable);
  assert.deepEqual(await store.heads("orders"), [0, 0]);
  store.faults.fail("append", { when: "after" });
  await assert.rejects(store.append(0, [command("a", 0)]), unavailable);
  assert.deepEqual(await store.heads("orders"), [1, 0]);
  const held = store.faults.hold("append");
  const zombie = assert.rejects(store.append(0, [command("b", 1)]), unavailable);
  await held.reached;
  store.kill();
  held.release();
  await zombie;
  const other = memoryEventStore(database);
  assert.deepEqual(await other.heads("orders"), [1, 0]);
  assert.equal((await other.openLogs(["orders"], undefined))[0]!.logId, identity!.logId);
  await assert.rejects(other.openLogs(["orders"], 3), (error: unknown) => isTidemarkError(error, "PARTITIONS_CHANGED"));
  await other.close();
  await assert.rejects(other.heads("orders"), (error: unknown) => isTidemarkError(error, "CLOSED"));
});

test("a writer refuses what its port forbids", async () => {
  const store = await opened();
  await store.append(0, [command("a", 0), command("b", 1)]);
  const [identity] = await store.openLogs(["orders"], 2);
  const events = await store.read("orders", [{ partition: 0, position: 1 }], 2);
  const hooks = faults();
  const topics = broker();
  const writer = await memoryLogWriters(topics, { faults: hooks })(identity!);
  const held = hooks.hold("send");
  const first = writer.send(0, events);
  await held.reached;
  await assert.rejects(writer.send(0, events), /two sends in flight/);
  held.release(new Error("refused"));
  await assert.rejects(first, /refused/);
  await assert.rejects(writer.send(0, events), /without a look at its tail/);
  assert.deepEqual(await writer.tails([0]), [{ partition: 0, position: 0, eventId: null, everWritten: false }]);
  await writer.send(0, events);
  assert.deepEqual(await writer.tails([0]), [{ partition: 0, position: 2, eventId: "event of b", everWritten: true }]);
  topics.topics.get("orders")!.partitions[0]!.trim(2);
  assert.deepEqual(await writer.tails([0]), [{ partition: 0, position: 0, eventId: null, everWritten: true }]);
});

test("a hint that leads astray is tried once from the start", async () => {
  const store = await opened();
  await store.append(0, [command("a", 0), command("b", 1), command("c", 2)]);
  const [identity] = await store.openLogs(["orders"], 2);
  const topics = broker();
  const partition = topics.ensure("orders", 2).partitions[0]!;
  const events = (await store.read("orders", [{ partition: 0, position: 1 }], 3)).map((event) => ({
    ...event,
    metadata: '{"time":"2026-01-01T00:00:00.000Z"}',
  }));
  partition.append(identity!.logId, events);
  const reader = await memoryTransport(topics).reader("orders");
  const options = { maxEvents: 9, maxWaitMs: 0, signal: new AbortController().signal };
  for (const hint of ["2", "99", null]) {
    const [batch] = await reader.fetch([{ partition: 0, position: 1, eventId: "event of a", logId: identity!.logId, hint }], options);
    assert.deepEqual(
      batch?.events.map((event) => event.position),
      [2, 3],
      `hint ${hint}`,
    );
    assert.equal(batch?.next.hint, "3");
  }
  partition.trim(2);
  await assert.rejects(
    reader.fetch([{ partition: 0, position: 1, eventId: null, logId: null, hint: null }], options),
    (error: unknown) => isTidemarkError(error, "LOG_GAP") && error.details.expected === 2,
  );
});

test("identify waits for the topic; members share its partitions", async () => {
  const topics = broker();
  const [first, second] = [memoryTransport(topics), memoryTransport(topics)];
  const identified = first.identify("orders", new AbortController().signal);
  topics.ensure("orders", 3);
  assert.deepEqual(await identified, { partitions: 3, logId: null });
  const got = new Map<string, readonly number[]>();
  const member = await first.join("g", ["orders"], ([assignment]) => got.set("first", assignment!.partitions));
  await second.join("g", ["orders"], ([assignment]) => got.set("second", assignment!.partitions));
  await eventually("shared", () => got.get("second")?.join() === "1" && got.get("first")?.join() === "0,2");
  await member.leave();
  await eventually("the rest has all", () => got.get("second")?.join() === "0,1,2");
  const stop = new AbortController();
  const waiting = assert.rejects(first.identify("other", stop.signal));
  stop.abort();
  await waiting;
});

test("view store: find filters and orders by indexed fields, null last ascending, text by code point, page by page", async () => {
  const store = memoryViewStore(readDatabase());
  await assert.rejects(store.migrate({ ddl: false }), (error: unknown) => isTidemarkError(error, "SCHEMA_OUTDATED"));
  await store.migrate({ ddl: true });
  await store.ensure(orderTotals);
  const projection = store.projection(orderTotals, 1);
  let [at] = await projection.checkpoints(new Map([["orders", 1]]));
  const keys = ["b", "a", "\u{10000}", "\uffee", "é"];
  for (const [i, stream] of keys.entries()) {
    const common = {
      log: "orders",
      partition: 0,
      stream,
      schemaVersion: 1,
      time: "2026-01-01T00:00:00.000Z",
      metadata: { time: "", commandId: "", correlationId: "", causationId: "" },
    };
    const next = { ...at!, position: 2 * i + 2, eventId: `${stream}2` };
    await projection.apply(at!, next, [
      { ...common, position: 2 * i + 1, version: 1, type: "Created", id: `${stream}1`, data: { customerId: null } },
      { ...common, position: 2 * i + 2, version: 2, type: "Added", id: `${stream}2`, data: { productId: "p", quantity: i % 2 } },
    ]);
    at = next;
  }
  const seen: unknown[] = [];
  let after: readonly (string | number | boolean | null)[] | undefined;
  do {
    const page = await store.find(orderTotals, 1, {
      where: { count: { gte: 0 } },
      order: [{ field: "count", direction: "desc" }],
      limit: 2,
      ...(after === undefined ? {} : { after }),
    });
    seen.push(...page.items.map((item) => item.document["count"]));
    after = page.next ?? undefined;
    if (after !== undefined) seen.push(after.at(-1));
  } while (after !== undefined);
  assert.deepEqual(seen, [1, 1, "a", 0, 0, "é", 0], "keys: ￮, a; 𐀀, é; b");
  assert.equal((await store.find(orderTotals, 1, { where: { count: { in: [1] } }, order: [], limit: 9 })).items.length, 2);
  assert.equal((await store.find(orderTotals, 1, { where: { count: { not: 1 } }, order: [], limit: 9 })).items.length, 3);
  await assert.rejects(store.find(orderTotals, 1, { where: { paid: true }, order: [], limit: 9 }), (error: unknown) =>
    isTidemarkError(error, "INVALID_INPUT"),
  );
  await assert.rejects(store.find(orderTotals, 2, { where: {}, order: [], limit: 9 }), (error: unknown) =>
    isTidemarkError(error, "GENERATION_MOVED"),
  );
  await assert.rejects(projection.apply(at!, { ...at!, position: 12, eventId: "x" }, []), /holds the positions/);
});
