import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isTidemarkError } from "../errors.ts";
import { aggregate } from "./aggregate.ts";
import type { AnyView, Document } from "./definition.ts";
import type { LogEvent } from "./message.ts";
import { fillReferences, reference, stripCopies } from "./reference.ts";
import { view } from "./view.ts";

const log = <const N extends string>(name: N) =>
  aggregate(
    name,
    {
      id: "id",
      commands: {},
      events: { Opened: z.object({ customerId: z.string() }), Renamed: z.object({ name: z.string() }), Closed: z.object({}) },
      initial: 0,
    },
    { decide: {}, evolve: { Opened: (n) => n, Renamed: (n) => n, Closed: (n) => n } },
  );
const orders = log("orders");
const customers = log("customers");
const only = aggregate(
  "only",
  { id: "id", commands: {}, events: { Seen: z.object({}) }, initial: 0 },
  { decide: {}, evolve: { Seen: (n) => n } },
);

const time = "2026-01-01T00:00:00.000Z";
const event = (of: string, type: string, data: unknown = {}, version = 1, stream = "s-1"): LogEvent => ({
  log: of,
  partition: 0,
  position: version,
  stream,
  version,
  type,
  schemaVersion: 1,
  id: `${stream}-${version}`,
  time,
  data,
  metadata: { time, commandId: "c", correlationId: "c", causationId: "c" },
});
const opened = event("orders", "Opened", { customerId: "c-1" });
const closed = event("orders", "Closed");

const Doc = z.object({ id: z.string(), customerId: z.string().nullable(), name: z.string().nullable(), opened: z.int() });
const cards = view(
  "cards",
  { document: z.object({ name: z.string() }), from: [customers] },
  {
    create: { Renamed: ({ data }) => ({ name: data.name }) },
    on: { Renamed: (_, { data }) => ({ name: data.name }) },
  },
);
const named = reference(cards, (customer) => ({ name: customer?.name ?? null }));

const docs = view(
  "docs",
  { document: Doc, from: [orders], indexes: ["customerId", ["opened", "id"]], references: { customerId: named } },
  {
    create: { Opened: ({ stream, data }) => ({ id: stream, customerId: data.customerId, opened: 1 }) },
    on: { Opened: (doc) => ({ ...doc, opened: doc.opened + 1 }), Closed: () => null },
  },
);

test("a view keyed by stream is born by an event in 'create', folded by 'on', ended by null", () => {
  assert.equal(docs.keyed, "stream");
  assert.deepEqual(docs.keys(opened), ["s-1"]);
  assert.deepEqual(docs.keys(event("orders", "Renamed", { name: "x" })), []);
  assert.equal(docs.handles(event("orders", "Renamed")), false);
  assert.equal(docs.handles(event("customers", "Opened")), false);
  assert.equal(docs.fold(null, closed, "s-1"), null, "no document before its birth");
  const born = docs.fold(null, opened, "s-1");
  assert.deepEqual(born, { id: "s-1", customerId: "c-1", opened: 1 });
  assert.deepEqual(docs.fold(born, opened, "s-1"), { id: "s-1", customerId: "c-1", opened: 2 }, "folded by 'on' where there is one");
  assert.equal(docs.fold(born, closed, "s-1"), null);
});

test("an event in 'create' alone leaves an existing document as it is", () => {
  const first = view(
    "first",
    { document: z.object({ by: z.string() }), from: [orders] },
    { create: { Opened: ({ data }) => ({ by: data.customerId }) }, on: {} },
  );
  assert.deepEqual(first.fold({ by: "c-0" }, opened, "s-1"), { by: "c-0" });
});

test("handlers neither get nor give copied fields", () => {
  const seen: Document[] = [];
  const spying = view(
    "spying",
    { document: Doc, from: [orders], indexes: ["customerId"], references: { customerId: named } },
    {
      create: { Opened: ({ stream }) => ({ id: stream, customerId: null, opened: 1, ...{ name: "smuggled" } }) },
      on: {
        Renamed: (doc, { data }) => {
          seen.push(doc);
          return { ...doc, ...data };
        },
      },
    },
  );
  assert.deepEqual(spying.fold(null, opened, "s-1"), { id: "s-1", customerId: null, opened: 1 });
  const whole = { id: "s-1", customerId: null, opened: 1, name: "filled" };
  assert.deepEqual(spying.fold(whole, event("orders", "Renamed", { name: "smuggled" }), "s-1"), { id: "s-1", customerId: null, opened: 1 });
  assert.deepEqual(seen, [{ id: "s-1", customerId: null, opened: 1 }]);
  assert.deepEqual(stripCopies(spying, whole), { id: "s-1", customerId: null, opened: 1 });
});

test("references fill what handlers leave out", () => {
  const asked: string[] = [];
  const lookup = (card: Document | null) => (field: string, key: string) => {
    asked.push(`${field}:${key}`);
    return card;
  };
  const own = { id: "s-1", customerId: "c-1", opened: 1 };
  assert.deepEqual(fillReferences(docs, own, lookup({ name: "Ann" })), { ...own, name: "Ann" });
  assert.deepEqual(fillReferences(docs, own, lookup(null)), { ...own, name: null });
  assert.deepEqual(asked, ["customerId:c-1", "customerId:c-1"]);
  assert.deepEqual(
    fillReferences(docs, { ...own, customerId: null }, lookup({ name: "Ann" })),
    { ...own, customerId: null, name: null },
    "no key, no lookup",
  );
  assert.equal(asked.length, 2);
  assert.deepEqual(named.copies, ["name"]);
});

test("logs are those folded and those referred to, each once", () => {
  assert.deepEqual(docs.logs, ["orders", "customers"]);
  assert.deepEqual(docs.indexes, [["customerId"], ["opened", "id"]]);
  assert.equal(docs.version, 1);
});

const Count = z.object({ key: z.string(), count: z.int() });
test("a view keyed by other things starts from 'initial', takes several keys, counts each once", () => {
  const counts = view(
    "counts",
    { document: Count, from: [orders, only] },
    {
      initial: (key) => ({ key, count: 0 }),
      key: { Opened: ({ data, stream }) => [data.customerId, stream, data.customerId], Closed: () => null, Seen: ({ stream }) => stream },
      on: { Opened: (doc) => ({ ...doc, count: doc.count + 1 }), Closed: (doc) => doc, Seen: () => null },
    },
  );
  assert.equal(counts.keyed, "key");
  assert.deepEqual(counts.keys(opened), ["c-1", "s-1"]);
  assert.deepEqual(counts.keys(closed), []);
  assert.deepEqual(counts.fold(null, opened, "c-1"), { key: "c-1", count: 1 });
  assert.deepEqual(counts.fold({ key: "c-1", count: 1 }, opened, "c-1"), { key: "c-1", count: 2 });
  assert.equal(counts.fold({ key: "c-1", count: 1 }, event("only", "Seen"), "c-1"), null);

  const byFunction = view(
    "by_function",
    { document: Count, from: [orders] },
    {
      initial: (key) => ({ key, count: 0 }),
      key: (it) => (it.type === "Opened" ? it.data.customerId : null),
      on: { Opened: (doc) => doc, Closed: (doc) => doc },
    },
  );
  assert.deepEqual([byFunction.keys(opened), byFunction.keys(closed)], [["c-1"], []]);
});

test("an event that two logs have is named with its log, and told apart", () => {
  const both = view(
    "both",
    { document: Count, from: [orders, customers] },
    {
      initial: (key) => ({ key, count: 0 }),
      on: { "orders.Opened": (doc) => ({ ...doc, count: doc.count + 1 }), "customers.Renamed": (doc) => ({ ...doc, count: 100 }) },
    },
  );
  assert.equal(both.handles(opened), true);
  assert.equal(both.handles(event("customers", "Opened")), false);
  assert.equal(both.handles(event("orders", "Renamed")), false);
  assert.deepEqual(both.keys(event("customers", "Renamed")), ["s-1"]);
  assert.deepEqual(both.fold(null, event("customers", "Renamed"), "s-1"), { key: "s-1", count: 100 });
});

/** Definitions as someone without types might write them. */
const loose = view as unknown as (name: string, contract: object, behaviour: object) => AnyView;
const contract = { document: Doc, from: [orders], indexes: ["customerId"], references: { customerId: named } };
const behaviour = { create: { Opened: () => ({}) }, on: { Closed: () => null } };
const plain = { document: Count, from: [orders] };

test("the hash follows what a definition says, not how it is laid out", () => {
  const hash = loose("docs", contract, behaviour).hash;
  assert.match(hash, /^[0-9a-f]{16}$/);
  assert.equal(loose("docs", { ...contract }, { on: { Closed: () => null }, create: behaviour.create }).hash, hash);
  const others = [
    loose("other", contract, behaviour),
    loose("docs", { ...contract, version: 2 }, behaviour),
    loose("docs", { ...contract, document: Doc.extend({ more: z.string() }) }, behaviour),
    loose("docs", { ...contract, indexes: ["customerId", "id"] }, behaviour),
    loose("docs", { ...contract, references: {} }, behaviour),
    loose("docs", { ...contract, references: { customerId: reference(cards, (card) => ({ name: card?.name ?? "?" })) } }, behaviour),
    loose("docs", contract, { ...behaviour, on: { Closed: (doc: object) => doc } }),
    loose("docs", contract, { ...behaviour, on: { Renamed: () => null } }),
  ];
  assert.equal(new Set([hash, ...others.map((one) => one.hash)]).size, others.length + 1);
});

const nested = view(
  "nested",
  { document: Doc, from: [only], indexes: ["customerId"], references: { customerId: named } },
  { create: { Seen: ({ stream }) => ({ id: stream, customerId: null, opened: 0 }) }, on: {} },
);
const ofOrders = view(
  "of_orders",
  { document: z.object({ name: z.string() }), from: [orders] },
  { create: { Opened: () => ({ name: "x" }) }, on: {} },
);
const initial = { initial: (key: string) => ({ key, count: 0 }) };

for (const [name, attempt, text] of [
  ["a bad name", () => loose("Docs", contract, behaviour), /no name for a view/],
  ["version 0", () => loose("v", { ...contract, version: 0 }, behaviour), /version 0/],
  ["no log", () => loose("v", { ...contract, from: [] }, behaviour), /from no log/],
  ["a log twice", () => loose("v", { ...plain, from: [orders, orders] }, { ...initial, on: {} }), /twice/],
  ["neither create nor initial", () => loose("v", plain, { on: {} }), /one of 'create'/],
  ["both", () => loose("v", plain, { ...behaviour, ...initial }), /one of 'create'/],
  ["create with key", () => loose("v", plain, { ...behaviour, key: () => null }), /keyed by stream/],
  ["create with two logs", () => loose("v", { ...plain, from: [orders, only] }, behaviour), /no order between logs/],
  ["an empty create", () => loose("v", plain, { create: {}, on: {} }), /never hold a document/],
  ["initial without key on one log", () => loose("v", plain, { ...initial, on: {} }), /needs 'key'/],
  ["a handler of no event", () => loose("v", plain, { ...behaviour, on: { Lost: () => null } }), /Lost, which is no event/],
  ["a birth by no event", () => loose("v", plain, { create: { Lost: () => ({}) }, on: {} }), /'create' names Lost/],
  [
    "an ambiguous name",
    () => loose("v", { ...plain, from: [orders, customers] }, { ...initial, on: { Closed: () => null } }),
    /'orders.Closed' or 'customers.Closed'/,
  ],
  [
    "an event without key",
    () => loose("v", plain, { ...initial, key: { Opened: () => "x" }, on: { Closed: () => null } }),
    /whose Closed is/,
  ],
  ["an index of no field", () => loose("v", { ...plain, indexes: ["colour"] }, behaviour), /'colour', which is no field/],
  ["an empty index", () => loose("v", { ...plain, indexes: [[]] }, behaviour), /index of no field/],
  ["a reference by no field", () => loose("v", { ...contract, references: { buyerId: named } }, behaviour), /refers by 'buyerId'/],
  [
    "a reference without index",
    () => loose("v", { ...contract, indexes: [["opened", "customerId"]] }, behaviour),
    /first field of an index/,
  ],
  ["a copy of no field", () => loose("v", { ...contract, document: Count.extend({ customerId: z.string() }) }, behaviour), /copies 'name'/],
  [
    "a copy of two references",
    () => loose("v", { ...contract, indexes: ["customerId", "id"], references: { customerId: named, id: named } }, behaviour),
    /both copy 'name'/,
  ],
  [
    "a copy over a key",
    () => loose("v", { ...contract, references: { customerId: reference(cards, () => ({ customerId: null })) } }, behaviour),
    /holds the key of a reference/,
  ],
  [
    "references of references",
    () => loose("v", { ...contract, references: { customerId: reference(nested as AnyView, () => ({ name: null })) } }, behaviour),
    /references of its own/,
  ],
  [
    "a reference to the same log",
    () => loose("v", { ...contract, references: { customerId: reference(ofOrders, () => ({ name: null })) } }, behaviour),
    /both folded from the log 'orders'/,
  ],
  ["a reference that copies nothing", () => reference(cards, () => ({})), /copies no field/],
  ["a document without JSON Schema", () => loose("v", { ...plain, document: z.object({ at: z.date() }) }, behaviour), /no JSON Schema/],
] as const) {
  test(`refused: ${name}`, () =>
    assert.throws(attempt, (error) => {
      assert.ok(isTidemarkError(error, "INVALID_DEFINITION"), String(error));
      assert.match(error.message, text);
      return true;
    }));
}

test("a handler that gives no document is a fault", () => {
  const bad = (result: unknown) => () => loose("v", plain, { create: { Opened: () => result }, on: {} }).fold(null, opened, "s-1");
  assert.throws(bad(undefined), (error) => isTidemarkError(error, "INVALID_DEFINITION") && /undefined/.test(error.message));
  assert.throws(bad(Promise.resolve({})), (error) => isTidemarkError(error, "INVALID_DEFINITION") && /promise/.test(error.message));
  assert.throws(bad("text"), (error) => isTidemarkError(error, "INVALID_DEFINITION"));
});
