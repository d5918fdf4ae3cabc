/** An order's apply and a customer's, each held between its locks and its writes while the other runs: what is copied is right in both orders. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import { postgres, type TestDatabase } from "../../test/services.ts";
import { logWriter, orderSummaries } from "../../test/view-domain.ts";
import { applyNext, assertFold, openStore, type StoreUnderTest } from "../../test/view-stores.ts";
import { postgresDatabase } from "./postgres-database.ts";
import type { Database } from "./sql.ts";
import { postgresViewStore } from "./view-store.ts";

/** Holds each flight that ends with a commit until `open` is called. */
function held(database: Database): { readonly database: Database; readonly reached: Promise<void>; open(): void } {
  const reached = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  return {
    reached: reached.promise,
    open: gate.resolve,
    database: {
      ...database,
      async dedicated() {
        const connection = await database.dedicated();
        return {
          ...connection,
          async pipeline(statements) {
            if (statements.at(-1)?.text === "commit") {
              reached.resolve();
              await gate.promise;
            }
            return connection.pipeline(statements);
          },
        };
      },
    },
  };
}

type Step = readonly [stream: string, type: string, data: unknown];
const created = (customerId: string | null): Step => ["o", "Created", { customerId }];
const registered: Step = ["c", "Registered", { name: "Ann", email: "a@b.c" }];
const renamed: Step = ["c", "Renamed", { name: "Anne" }];

/** What is there before, then one order event and one customer event at the same time. `waits`: the second cannot end before the first. */
const cases: {
  readonly name: string;
  readonly before: { readonly orders: readonly Step[]; readonly customers: readonly Step[] };
  readonly order: Step;
  readonly customer: Step;
  readonly waits: { readonly orderFirst: boolean; readonly customerFirst: boolean };
}[] = [
  {
    name: "a new order of a customer who registers",
    before: { orders: [], customers: [] },
    order: created("c"),
    customer: registered,
    waits: { orderFirst: true, customerFirst: true },
  },
  {
    name: "a new order of a customer who is renamed",
    before: { orders: [], customers: [registered] },
    order: created("c"),
    customer: renamed,
    waits: { orderFirst: true, customerFirst: true },
  },
  {
    name: "a new order of a customer who is removed",
    before: { orders: [], customers: [registered] },
    order: created("c"),
    customer: ["c", "Removed", {}],
    waits: { orderFirst: true, customerFirst: true },
  },
  {
    name: "an order that moves to a customer who is renamed",
    before: { orders: [created(null)], customers: [registered] },
    order: ["o", "Moved", { customerId: "c" }],
    customer: renamed,
    waits: { orderFirst: true, customerFirst: true },
  },
  {
    name: "an order that leaves a customer who is renamed",
    before: { orders: [created("c")], customers: [registered] },
    order: ["o", "Moved", { customerId: null }],
    customer: renamed,
    waits: { orderFirst: true, customerFirst: false },
  },
  {
    name: "an order that changes while its customer is renamed",
    before: { orders: [created("c")], customers: [registered] },
    order: ["o", "Paid", { method: "card" }],
    customer: renamed,
    waits: { orderFirst: true, customerFirst: false },
  },
  {
    name: "an order that is erased while its customer is renamed",
    before: { orders: [created("c")], customers: [registered] },
    order: ["o", "Erased", {}],
    customer: renamed,
    waits: { orderFirst: true, customerFirst: false },
  },
  {
    name: "an order and a customer's mail address that nobody copies",
    before: { orders: [created("c")], customers: [registered] },
    order: ["o", "Paid", { method: "card" }],
    customer: ["c", "Mailed", { email: "x" }],
    waits: { orderFirst: false, customerFirst: false },
  },
];

/** Sends `begin` so that it fails, as it does where a connection is in a bad way. */
const withoutBegin = (database: Database): Database => ({
  ...database,
  async dedicated() {
    const connection = await database.dedicated();
    return {
      ...connection,
      pipeline: (statements) =>
        connection.pipeline(statements.map((statement) => (statement.text === "begin" ? { text: "begin nothing" } : statement))),
    };
  },
});

test("a pipeline whose begin fails moves no checkpoint and writes nothing", async () => {
  const server = await (await postgres()).createDatabase();
  const direct = openStore(server.url);
  const database = postgresDatabase(server.url, { schema: "views" });
  const broken = postgresViewStore(withoutBegin(database), { schema: "views" });
  try {
    await direct.store.migrate({ ddl: true });
    await direct.store.ensure(orderSummaries);
    const projection = broken.projection(orderSummaries, 1);
    const start = await projection.checkpoints(
      new Map([
        ["orders", 1],
        ["customers", 1],
      ]),
    );
    const logs = { orders: logWriter("orders", 1), customers: logWriter("customers", 1) };
    logs.orders.add(...created("c"));
    logs.customers.add(...registered);
    for (const log of ["orders", "customers"] as const)
      await assert.rejects(applyNext(projection, await projection.checkpoint(log, 0), logs[log].byPartition[0]!, 1), { code: "42601" });
    assert.deepEqual(
      await projection.checkpoints(
        new Map([
          ["orders", 1],
          ["customers", 1],
        ]),
      ),
      start,
    );
    await assertFold(direct.store, orderSummaries, 1, []);
    // what committed by itself are placeholders: in nobody's way
    for (const log of ["orders", "customers"] as const)
      assert.equal(
        await applyNext(direct.store.projection(orderSummaries, 1), await projection.checkpoint(log, 0), logs[log].byPartition[0]!, 1),
        "applied",
      );
    await assertFold(direct.store, orderSummaries, 1, [...logs.customers.byPartition.flat(), ...logs.orders.byPartition.flat()]);
  } finally {
    await broken.close();
    await database.close();
    await direct[Symbol.asyncDispose]();
    await server.drop();
  }
});

describe("an order and its customer at the same time", () => {
  let server: TestDatabase;
  let direct: StoreUnderTest;
  before(async () => {
    server = await (await postgres()).createDatabase();
    direct = openStore(server.url);
    await direct.store.migrate({ ddl: true });
    await direct.store.ensure(orderSummaries);
  });
  afterAll(async () => {
    await direct[Symbol.asyncDispose]();
    await server.drop();
  });

  const waiting = async (): Promise<boolean> =>
    (
      await direct.database.query<{ n: number }>({
        text: "select count(*)::int as n from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
      })
    ).rows[0]!.n > 0;

  for (const { name, before: earlier, order, customer, waits } of cases) {
    for (const first of ["orders", "customers"] as const) {
      test(`${name}, ${first} first`, async () => {
        const { generation } = await direct.store.create(orderSummaries);
        const projection = direct.store.projection(orderSummaries, generation);
        await projection.checkpoints(
          new Map([
            ["orders", 1],
            ["customers", 1],
          ]),
        );
        const logs = { orders: logWriter("orders", 1), customers: logWriter("customers", 1) };
        for (const log of ["orders", "customers"] as const) {
          for (const step of earlier[log]) logs[log].add(...step);
          await applyNext(projection, await projection.checkpoint(log, 0), logs[log].byPartition[0]!, 10);
        }
        logs.orders.add(...order);
        logs.customers.add(...customer);
        const second = first === "orders" ? "customers" : "orders";
        const database = postgresDatabase(server.url, { schema: "views" });
        const holding = held(database);
        const slow = postgresViewStore(holding.database, { schema: "views" });
        try {
          const slowly = applyNext(
            slow.projection(orderSummaries, generation),
            await projection.checkpoint(first, 0),
            logs[first].byPartition[0]!,
            1,
          );
          await holding.reached;
          const state = { ended: false };
          const quickly = applyNext(projection, await projection.checkpoint(second, 0), logs[second].byPartition[0]!, 1).finally(() => {
            state.ended = true;
          });
          while (!state.ended && !(await waiting())) await new Promise(setImmediate);
          assert.equal(!state.ended, first === "orders" ? waits.orderFirst : waits.customerFirst, "whether the second waits for the first");
          holding.open();
          assert.deepEqual(await Promise.all([slowly, quickly]), ["applied", "applied"]);
          await assertFold(direct.store, orderSummaries, generation, [
            ...logs.customers.byPartition.flat(),
            ...logs.orders.byPartition.flat(),
          ]);
        } finally {
          holding.open();
          await slow.close();
          await database.close();
        }
      });
    }
  }
});
