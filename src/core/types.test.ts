/** What the types infer, and what they refuse. Most of this file is checked by the compiler: `refused` is never called. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { spec, stream } from "../testing/index.ts";
import { aggregate } from "./aggregate.ts";
import type { AnyAggregate, AnyView } from "./definition.ts";
import type { Facade, OutcomeOf } from "./facade-types.ts";
import type { RejectionsOf } from "./message-types.ts";
import { reference } from "./reference.ts";
import type { DocumentOf, IndexedOf } from "./view-types.ts";
import { view } from "./view.ts";

type Same<A, B> = (<T>() => T extends A ? 1 : 2) extends <T>() => T extends B ? 1 : 2 ? true : false;
const holds = <_Claim extends true>(): void => {};

const Money = z.codec(z.string(), z.int(), { decode: Number, encode: String });
type State = { readonly status: "NONE" | "OPEN" | "PAID"; readonly total: number };
const none: State = { status: "NONE", total: 0 };

const customers = aggregate(
  "customers",
  {
    id: "customerId",
    commands: { Register: z.object({ name: z.string() }) },
    events: { Registered: z.object({ name: z.string() }), Closed: z.object({}) },
    initial: false,
  },
  {
    decide: { Register: (_, { data }, { Registered }) => Registered(data) },
    evolve: { Registered: () => true, Closed: () => false },
  },
);

const orders = aggregate(
  "orders",
  {
    id: "orderId",
    commands: {
      Open: z.object({ customerId: z.string(), total: Money }),
      Pay: z.object({ amount: Money }),
      Close: z.object({ reason: z.string().optional() }),
    },
    events: { Opened: z.object({ customerId: z.string(), total: z.int() }), Paid: z.object({ amount: z.int() }), Closed: z.object({}) },
    rejections: { Exists: "It exists.", Missing: "There is none.", Mismatch: (data: { due: number }) => `Due: ${data.due}` },
    initial: none,
  },
  {
    decide: {
      Open: (order, { data }, { Opened, Exists }) => (order.status === "NONE" ? Opened(data) : Exists()),
      Pay: (order, { data }, { Paid, Missing, Mismatch }) => {
        if (order.status === "NONE") return Missing();
        return data.amount === order.total ? [Paid(data)] : Mismatch({ due: order.total });
      },
      Close: (_, __, { Closed }) => Closed(),
    },
    evolve: {
      Opened: (_, { data }) => ({ status: "OPEN", total: data.total }),
      Paid: (order) => ({ ...order, status: "PAID" }),
      Closed: (order) => order,
    },
  },
);

const cards = view(
  "cards",
  { document: z.object({ customerId: z.string(), name: z.string() }), from: [customers] },
  {
    create: { Registered: ({ stream: customerId, data }) => ({ customerId, name: data.name }) },
    on: { Closed: () => null },
  },
);
const byName = reference(cards, (customer) => ({ customerName: customer?.name ?? null }));

const Summary = z.object({
  orderId: z.string(),
  customerId: z.string(),
  customerName: z.string().nullable(),
  status: z.enum(["OPEN", "PAID"]),
  total: Money,
  tags: z.array(z.string()),
});
const summaries = view(
  "summaries",
  { document: Summary, from: [orders], indexes: ["status", ["customerId", "total"]], references: { customerId: byName } },
  {
    create: {
      Opened: ({ stream: orderId, data }) => ({ orderId, customerId: data.customerId, status: "OPEN", total: data.total, tags: [] }),
    },
    on: { Paid: (order) => ({ ...order, status: "PAID" }), Closed: () => null },
  },
);

const Count = z.object({ count: z.int() });
const counts = view(
  "counts",
  { document: Count, from: [customers, orders] },
  {
    initial: () => ({ count: 0 }),
    key: { "Registered": ({ stream: id }) => id, "Opened": ({ data }) => data.customerId, "orders.Closed": () => null },
    on: { "Registered": (doc) => doc, "Opened": ({ count }) => ({ count: count + 1 }), "orders.Closed": (doc) => doc },
  },
);

test("the definitions that the types accept are accepted at run time", () => {
  assert.deepEqual(
    [orders, customers].map((log) => log.kind),
    ["aggregate", "aggregate"],
  );
  assert.deepEqual(
    [cards, summaries, counts].map((one) => one.keyed),
    ["stream", "stream", "key"],
  );
  assert.deepEqual(orders.commands.Close("o-1").data, {});
});

/** What is inferred. */
export async function inferred(app: Facade<{ readonly commandId?: string }>): Promise<void> {
  const open = orders.commands.Open("o-1", { customerId: "c-1", total: "1250" });
  const pay = orders.commands.Pay("o-1", { amount: "1250" });
  holds<Same<RejectionsOf<typeof open>["rejection"], "Exists">>();
  holds<Same<RejectionsOf<typeof pay>["rejection"], "Missing" | "Mismatch">>();
  holds<Same<RejectionsOf<ReturnType<typeof orders.commands.Close>>, never>>();

  const paid = await app.execute(pay, { commandId: "x" });
  if (!paid.accepted) {
    holds<Same<typeof paid.rejection, "Missing" | "Mismatch">>();
    if (paid.rejection === "Mismatch") holds<Same<typeof paid.data, { due: number }>>();
    return;
  }
  const closed: OutcomeOf<ReturnType<typeof orders.commands.Close>> = await app.execute(orders.commands.Close("o-1", { reason: "x" }));
  holds<Same<typeof closed.accepted, true>>();

  holds<Same<DocumentOf<typeof summaries>, z.output<typeof Summary>>>();
  holds<Same<IndexedOf<typeof summaries>, "status" | "customerId" | "total">>();
  holds<Same<IndexedOf<typeof cards>, never>>();
  const one = await app.read(summaries, { token: paid.token, waitMs: 2_000 }).get("o-1");
  holds<Same<Exclude<typeof one, null>["document"]["status"], "OPEN" | "PAID">>();
  const page = await app
    .read(summaries)
    .find({ where: { status: { in: ["PAID"] }, customerId: "c-1", total: { gte: 100 } }, order: { total: "desc" }, limit: 20 });
  holds<Same<(typeof page.items)[number]["document"]["customerName"], string | null>>();

  const erased: readonly (AnyAggregate | AnyView)[] = [orders, customers, cards, summaries, counts];
  spec(orders)
    .given(orders.events.Paid({ amount: 1 }))
    .when(pay)
    .then(orders.rejections.Mismatch({ due: erased.length }));
  spec(summaries)
    .given(stream(orders, "o-1", [orders.events.Closed()]))
    .then({ "o-1": null, "o-2": { status: "PAID" } });
}

const contract = {
  id: "orderId",
  commands: { Open: z.object({ total: z.int() }) },
  events: { Opened: z.object({ total: z.int() }) },
  rejections: { Exists: "It exists." },
  initial: { total: 0 },
};
const summary = { document: Summary, from: [orders] } as const;
const createSummary = { Opened: () => ({ orderId: "", customerId: "", customerName: null, status: "OPEN" as const, total: 0, tags: [] }) };

/** What is refused in aggregates. */
export function refusedAggregates(): void {
  aggregate("a", contract, {
    // @ts-expect-error a command without a decision
    decide: {},
    evolve: { Opened: (state) => state },
  });
  aggregate("a", contract, {
    decide: { Open: (_, { data }, { Opened }) => Opened(data) },
    // @ts-expect-error an event that is not evolved
    evolve: {},
  });
  aggregate("a", contract, {
    // @ts-expect-error a decision of no command
    decide: { Open: (_, { data }, { Opened }) => Opened(data), Shut: () => [] },
    evolve: { Opened: (state) => state },
  });
  aggregate("a", contract, {
    decide: { Open: (_, { data }, { Opened }) => Opened(data) },
    // @ts-expect-error a state of no event
    evolve: { Opened: (state) => state, Shut: () => ({ total: 0 }) },
  });
  aggregate("a", contract, {
    // @ts-expect-error decide is synchronous
    decide: { Open: async (_, { data }, { Opened }) => Opened(data) },
    evolve: { Opened: (state) => state },
  });
  aggregate("a", contract, {
    // @ts-expect-error a rejection that is not declared
    decide: { Open: (_, __, { Missing }) => Missing() },
    evolve: { Opened: (state) => state },
  });
  aggregate("a", contract, {
    // @ts-expect-error data of the wrong type for the event
    decide: { Open: (_, __, { Opened }) => Opened({ total: "1" }) },
    evolve: { Opened: (state) => state },
  });
  aggregate("a", contract, {
    decide: { Open: (_, { data }, { Opened }) => Opened(data) },
    // @ts-expect-error evolve gives no state
    evolve: { Opened: () => ({ total: "1" }) },
  });
  aggregate(
    "a",
    {
      id: "id",
      commands: {},
      initial: 0,
      // @ts-expect-error a Date is not JSON
      events: { Happened: z.object({ at: z.date() }) },
    },
    { decide: {}, evolve: { Happened: (state) => state } },
  );
  aggregate(
    "a",
    {
      id: "id",
      commands: {},
      initial: 0,
      // @ts-expect-error neither is a bigint, however deep
      events: { Happened: z.object({ lines: z.array(z.object({ amount: z.bigint() })) }) },
    },
    { decide: {}, evolve: { Happened: (state) => state } },
  );

  // @ts-expect-error the output form where the input form is expected
  orders.commands.Pay("o-1", { amount: 1250 });
  // @ts-expect-error data is missing
  orders.commands.Pay("o-1");
  // @ts-expect-error a command that is none
  orders.commands.Ship("o-1");
  // @ts-expect-error the rejection has no such data
  orders.rejections.Mismatch({ owed: 1 });
}

/** What is refused in views. */
export function refusedViews(): void {
  view("v", summary, {
    create: createSummary,
    // @ts-expect-error a handler of no event
    on: { Shipped: () => null },
  });
  view("v", summary, {
    // @ts-expect-error a birth by no event
    create: { ...createSummary, Shipped: () => null },
    on: {},
  });
  view(
    "v",
    { document: Count, from: [customers, orders] },
    {
      initial: () => ({ count: 0 }),
      // @ts-expect-error two logs have an event Closed
      on: { Closed: (doc: { count: number }) => doc },
    },
  );
  view(
    "v",
    { document: Count, from: [orders] },
    {
      create: { Opened: () => ({ count: 0 }) },
      // @ts-expect-error one log alone: the short name is the name
      on: { "orders.Closed": (doc: { count: number }) => doc },
    },
  );
  view("v", summary, {
    // @ts-expect-error members of the document are missing
    create: { Opened: ({ stream: orderId }) => ({ orderId }) },
    on: {},
  });
  view("v", summary, {
    create: createSummary,
    // @ts-expect-error a value that the document does not know
    on: { Paid: (order) => ({ ...order, status: "LOST" }) },
  });
  // @ts-expect-error neither create nor initial
  view("v", summary, { on: { Paid: (order) => order } });
  // @ts-expect-error create with key
  view("v", summary, { create: createSummary, key: () => "x", on: {} });
  view(
    "v",
    { document: Count, from: [customers, orders] },
    {
      // @ts-expect-error create with two logs
      create: { Opened: () => ({ count: 0 }) },
      on: {},
    },
  );
  // @ts-expect-error initial with one log needs key
  view("v", { document: Count, from: [orders] }, { initial: () => ({ count: 0 }), on: { Paid: (doc) => doc } });
  view(
    "v",
    {
      // @ts-expect-error a Date in a document
      document: z.object({ at: z.date() }),
      from: [orders],
    },
    { create: { Opened: () => ({ at: new Date() }) }, on: {} },
  );
  // @ts-expect-error an index of no field
  view("v", { ...summary, indexes: ["colour"] }, { create: createSummary, on: {} });
  // @ts-expect-error an index of a field that holds a list
  view("v", { ...summary, indexes: [["status", "tags"]] }, { create: createSummary, on: {} });
  // @ts-expect-error a reference by no field
  view("v", { ...summary, indexes: ["customerId"], references: { buyerId: byName } }, { create: createSummary, on: {} });
  // @ts-expect-error a reference without an index
  view("v", { ...summary, indexes: ["status"], references: { customerId: byName } }, { create: createSummary, on: {} });
  const numbered = { customerId: reference(cards, () => ({ customerName: 1 })) };
  // @ts-expect-error a copy that does not fit the document
  view("v", { ...summary, indexes: ["customerId"], references: numbered }, { create: createSummary, on: {} });
  // @ts-expect-error the referenced document has no such member
  reference(cards, (customer) => ({ customerName: customer?.email ?? null }));
  view(
    "v",
    { ...summary, indexes: ["customerId"], references: { customerId: byName } },
    {
      create: {
        Opened: ({ stream: orderId, data }) => ({ orderId, customerId: data.customerId, status: "OPEN", total: data.total, tags: [] }),
      },
      // @ts-expect-error handlers do not see copied fields
      on: { Paid: (order) => ({ ...order, tags: [order.customerName ?? ""] }) },
    },
  );
  view(
    "v",
    { document: Count, from: [customers, orders] },
    {
      initial: () => ({ count: 0 }),
      // @ts-expect-error a key of an event that is none
      key: { Shipped: () => null },
      on: { Opened: (doc) => doc },
    },
  );
}

/** What is refused in calls and in tests. */
export async function refusedCalls(app: Facade<{ readonly commandId?: string }>): Promise<void> {
  // @ts-expect-error a plain string is no token
  app.read(summaries, { token: "abc" });
  // @ts-expect-error not an indexed field
  await app.read(summaries).find({ where: { orderId: "o-1" } });
  // @ts-expect-error not an indexed field
  await app.read(summaries).find({ order: { customerName: "asc" } });
  // @ts-expect-error no such field
  await app.read(summaries).find({ where: { colour: "red" } });
  // @ts-expect-error a value that the field never has
  await app.read(summaries).find({ where: { status: "LOST" } });
  // @ts-expect-error a value that the field never has
  await app.read(summaries).find({ where: { status: { in: ["LOST"] } } });
  // @ts-expect-error a direction that is none
  await app.read(summaries).find({ order: { total: "up" } });
  const paid = await app.execute(orders.commands.Pay("o-1", { amount: "1" }));
  // @ts-expect-error a rejection that this command never gives
  if (!paid.accepted && paid.rejection === "Exists") return;
  // @ts-expect-error an event of another log in a test
  spec(orders).given(customers.events.Registered({ name: "Ann" }));
  // @ts-expect-error an event of another log in a stream
  stream(orders, "o-1", [customers.events.Registered({ name: "Ann" })]);
  // @ts-expect-error a command of another log
  spec(orders).when(customers.commands.Register("c-1", { name: "Ann" }));
  const asked = spec(orders).when(orders.commands.Pay("o-1", { amount: "1" }));
  // @ts-expect-error a rejection that this command never gives
  asked.then(orders.rejections.Exists());
  // @ts-expect-error a part of another document
  spec(summaries).then({ "o-1": { status: "LOST" } });
}
