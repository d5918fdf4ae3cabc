/** GET of a range: the bounds, what is refused of them, and its documentation; on the example's daily figures. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { api } from "../../examples/orders/api.ts";
import { customers, orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderSummaries } from "../../examples/orders/views.ts";
import { view } from "../core/index.ts";
import { service } from "../service/index.ts";
import { at, spec, stream } from "../testing/index.ts";
import { find, http, openApi } from "./index.ts";

const { OrderCancelled, OrderCreated, OrderPaid, OrderSubmitted } = orders.events;
const created = OrderCreated({ customerId: "c-1", items: [] });
const submitted = (id: string, time: string, total: number) => stream(orders, id, [created, at(time, OrderSubmitted({ total }))]);
const days = spec(ordersService).given(
  submitted("o-1", "2026-03-01T10:00:00Z", 1250),
  stream(orders, "o-2", [created, at("2026-03-01T11:00:00Z", OrderSubmitted({ total: 1 })), OrderPaid({ method: "card", amount: 1 })]),
  stream(orders, "o-3", [created, at("2026-03-03T00:00:00Z", OrderSubmitted({ total: 999 })), OrderCancelled({ reason: "no" })]),
  submitted("o-4", "2026-02-27T23:59:59.999Z", 5),
  stream(orders, "o-5", [created]),
);
const first = { date: "2026-02-27", orderCount: 1, totalRevenue: "0.05", averageOrderValue: "0.05", ordersByStatus: { SUBMITTED: 1 } };
const second = {
  date: "2026-03-01",
  orderCount: 2,
  totalRevenue: "12.51",
  averageOrderValue: "6.26",
  ordersByStatus: { SUBMITTED: 1, PAID: 1 },
};
const third = { date: "2026-03-03", orderCount: 1, totalRevenue: "0.00", averageOrderValue: "0.00", ordersByStatus: { CANCELLED: 1 } };

describe("the days", () => {
  test("are all there are, by date, and no more than that", async () => {
    const { body } = await days.when("GET /stats/daily").then({ status: 200, headers: { "Read-Model-Stale": "false" } });
    assert.deepEqual(body, { items: [first, second, third] });
  });

  test("are bounded on either side, both days included", async () => {
    const of = async (query: string) => {
      const { body } = await days.when(`GET /stats/daily?${query}` as never).then({ status: 200 });
      return (body as { items: { date: string }[] }).items.map(({ date }) => date);
    };
    assert.deepEqual(await of("from=2026-03-01"), ["2026-03-01", "2026-03-03"]);
    assert.deepEqual(await of("to=2026-03-01"), ["2026-02-27", "2026-03-01"]);
    assert.deepEqual(await of("from=2026-02-28&to=2026-03-02"), ["2026-03-01"]);
    assert.deepEqual(await of("to=2026-03-01&from=2026-03-01"), ["2026-03-01"]);
    assert.deepEqual(await of("from=2026-03-04"), []);
  });

  test("that are none, or the wrong way round, are named", async () => {
    const wrong: readonly (readonly [string, readonly string[]])[] = [
      ["from=2026-02-30", ["from"]],
      ["to=2026-02-29", ["to"]],
      ["from=2026-13-01&to=yesterday", ["from", "to"]],
      ["from=2026-03-01T00:00:00Z", ["from"]],
      ["from=2026-3-1", ["from"]],
      ["from=2026-03-02&to=2026-03-01", ["from"]],
      ["from=", ["from"]],
      ["from=2026-03-01&from=2026-03-01", ["from"]],
      ["limit=5", ["limit"]],
      ["cursor=abc", ["cursor"]],
      ["date=2026-03-01", ["date"]],
    ];
    for (const [query, parameters] of wrong) {
      const { body } = await days.when(`GET /stats/daily?${query}` as never).then({ status: 422, body: { code: "INVALID_INPUT" } });
      assert.deepEqual(
        (body as { errors: { parameter: string }[] }).errors.map(({ parameter }) => parameter),
        parameters,
        query,
      );
    }
  });

  test("follow a write at once", async () => {
    await days
      .when("POST /orders/o-1/cancel", { body: { reason: "late" } })
      .then({ status: 202 })
      .when("GET /stats/daily?from=2026-03-01&to=2026-03-01")
      .then({
        status: 200,
        body: { items: [{ totalRevenue: "0.01", averageOrderValue: "0.01", ordersByStatus: { CANCELLED: 1, PAID: 1 } }] },
      });
  });
});

test("a revenue beyond 2^53 minor units is shown to the cent", async () => {
  const most = Number.MAX_SAFE_INTEGER;
  await spec(ordersService)
    .given(...["o-1", "o-2", "o-3"].map((id) => submitted(id, "2026-03-01T10:00:00Z", most)))
    .when("GET /stats/daily")
    .then({ status: 200, body: { items: [{ totalRevenue: "270215977642229.73", averageOrderValue: "90071992547409.91" }] } });
});

test("a range takes numbers as it takes days", async () => {
  const counted = view(
    "counted",
    { document: z.object({ n: z.int(), name: z.string() }), from: [customers], indexes: ["n", "name"] },
    { create: { CustomerRegistered: ({ data }) => ({ n: Number(data.email), name: data.name }) }, on: {} },
  );
  const numbers = service({
    name: "numbers",
    aggregates: [customers],
    views: [counted],
    http: http({
      title: "n",
      routes: {
        "GET /numbers": find(counted, { between: "n", order: { n: "desc" } }),
        "GET /names": find(counted, { between: "name", filter: ["n"] }),
      },
    }),
  });
  const given = spec(numbers).given(
    ...[9, 10, 11].map((n) => stream(customers, `c-${n}`, [customers.events.CustomerRegistered({ name: `N${n}`, email: String(n) })])),
  );
  await given.when("GET /numbers?from=9&to=10").then({ status: 200, body: { items: [{ n: 10 }, { n: 9 }] } });
  await given.when("GET /numbers?from=10&to=9").then({ status: 422 });
  await given.when("GET /numbers?from=9.5").then({ status: 422 });
  await given.when("GET /names?from=N1&to=N2&n=11").then({ status: 200, body: { items: [{ name: "N11" }] } });
});

test("the documentation has the bounds as days, and no pages", () => {
  const paths = openApi(api, api.routes).paths as Record<
    string,
    Record<string, { parameters: { name?: string; schema?: unknown }[]; responses: Record<string, unknown> }>
  >;
  const { parameters, responses } = paths["/stats/daily"]!["get"]!;
  assert.deepEqual(
    parameters.flatMap(({ name, schema }) => (name === undefined ? [] : [[name, schema]])),
    [
      ["from", { type: "string", format: "date" }],
      ["to", { type: "string", format: "date" }],
    ],
  );
  assert.doesNotMatch(JSON.stringify(responses["200"]), /nextCursor|Link/);
});

test("refused at start is a range of no index, and one whose parameters are taken", () => {
  const routes = (options: object) => () => http({ title: "t", routes: { "GET /orders": find(orderSummaries, options as never) } });
  assert.throws(routes({ between: "itemCount" }), { code: "INVALID_DEFINITION" });
  assert.throws(routes({ between: "status", filter: ["status"] }), { code: "INVALID_DEFINITION" });
});
