import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { aggregate, type LogEvent, reference, view } from "../core/index.ts";
import { freshFold, viewFold } from "./view-fold.ts";

const customers = aggregate(
  "customers",
  { id: "id", commands: {}, events: { Named: z.object({ name: z.string() }) }, initial: 0 },
  { decide: {}, evolve: { Named: (n) => n } },
);
const orders = aggregate(
  "orders",
  {
    id: "id",
    commands: {},
    events: { Opened: z.object({ customerId: z.string() }), Noted: z.object({}), Closed: z.object({}) },
    initial: 0,
  },
  {
    decide: {},
    evolve: { Opened: (n) => n, Noted: (n) => n, Closed: (n) => n },
  },
);

const event = (log: string, stream: string, version: number, type: string, data: unknown, position = version, partition = 0): LogEvent => {
  const time = `2026-01-01T00:00:${String(version).padStart(2, "0")}.000Z`;
  return {
    log,
    partition,
    position,
    stream,
    version,
    type,
    schemaVersion: 1,
    id: `${stream}-${version}`,
    time,
    data,
    metadata: { time, commandId: "c", correlationId: "c", causationId: "c" },
  };
};

const cards = view(
  "cards",
  { document: z.object({ name: z.string() }), from: [customers] },
  { create: { Named: ({ data }) => data }, on: { Named: (_, { data }) => data } },
);
const docs = view(
  "docs",
  {
    document: z.object({ customerId: z.string(), name: z.string().nullable() }),
    from: [orders],
    indexes: ["customerId"],
    references: { customerId: reference(cards, (card) => ({ name: card?.name ?? null })) },
  },
  {
    create: { Opened: ({ data }) => data },
    on: { Closed: () => null },
  },
);
const counts = view(
  "counts",
  { document: z.object({ count: z.int() }), from: [orders, customers] },
  {
    initial: () => ({ count: 0 }),
    key: { Opened: ({ data, stream }) => [data.customerId, stream], Closed: ({ stream }) => stream, Named: ({ stream }) => stream },
    on: { Opened: ({ count }) => ({ count: count + 1 }), Closed: () => null, Named: ({ count }) => ({ count: count + 10 }) },
  },
);

const opened = event("orders", "o-1", 1, "Opened", { customerId: "c-1" });
const noted = event("orders", "o-1", 2, "Noted", {});
const closed = event("orders", "o-1", 3, "Closed", {});
const named = event("customers", "c-1", 1, "Named", { name: "Ann" });
const renamed = event("customers", "c-1", 2, "Named", { name: "Anne" });

test("documents are whole, versions and times are those of their own handled events", () => {
  const expected = new Map([["o-1", { document: { customerId: "c-1", name: "Anne" }, version: 1, lastUpdated: opened.time }]]);
  assert.deepEqual(freshFold(docs, [opened, noted, named, renamed]), expected);
  assert.deepEqual(freshFold(docs, [named, renamed, opened, noted]), expected);
  assert.deepEqual(freshFold(docs, [opened]).get("o-1")?.document, { customerId: "c-1", name: null });
  assert.deepEqual(freshFold(docs, [opened, noted, closed]), new Map());
});

test("keyed by stream, the time is the last event's also where a writer's clock went back", () => {
  const late = { ...opened, time: "2099-01-01T00:00:00.000Z" };
  const touched = event("orders", "o-1", 2, "Opened", { customerId: "c-2" });
  assert.equal(freshFold(docs, [late, touched]).get("o-1")?.lastUpdated, touched.time);
});

test("by other keys the version counts, the time is the latest", () => {
  const folded = freshFold(counts, [renamed, opened]);
  assert.deepEqual(folded.get("c-1"), { document: { count: 11 }, version: 2, lastUpdated: renamed.time });
  assert.deepEqual(folded.get("o-1"), { document: { count: 1 }, version: 1, lastUpdated: opened.time });
  assert.deepEqual([...freshFold(counts, [opened, noted, closed]).keys()], ["c-1"]);
});

test("duplicates are skipped, batches add up", () => {
  const fold = viewFold(counts);
  fold.apply([opened, opened]);
  fold.apply([opened, noted]);
  fold.apply([opened]);
  assert.equal(fold.documents().get("c-1")?.version, 1);
});

test("a failing handler leaves the fold as it was", () => {
  const failing = view(
    "failing",
    { document: z.object({ n: z.int() }), from: [orders] },
    {
      create: { Opened: () => ({ n: 1 }) },
      on: {
        Noted: () => {
          throw new Error("no");
        },
        Closed: () => null,
      },
    },
  );
  const fold = viewFold(failing);
  assert.throws(() => fold.apply([opened, noted]), /no/);
  assert.equal(fold.documents().size, 0);
  fold.apply([opened]);
  assert.equal(fold.documents().size, 1);
});
