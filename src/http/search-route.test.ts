/** GET of a search: words, filters, counts and pages, what is refused, and its documentation; on the example's orders. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { api } from "../../examples/orders/api.ts";
import { customers, orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderSearch, orderSummaries } from "../../examples/orders/views.ts";
import { view } from "../core/index.ts";
import { service } from "../service/index.ts";
import { at, spec, stream } from "../testing/index.ts";
import { find, http, openApi, search } from "./index.ts";

const { CustomerRegistered, CustomerRenamed } = customers.events;
const { ItemAdded, OrderCancelled, OrderCreated } = orders.events;

const item = (productId: string, name: string) => ({ productId, name, quantity: 1, unitPrice: 250 });
const order = (id: string, customerId: string, hour: number, ...items: ReturnType<typeof item>[]) =>
  at(`2026-03-01T${String(hour).padStart(2, "0")}:00:00Z`, OrderCreated({ customerId, items }));
const found = spec(ordersService).given(
  stream(customers, "c-1", [CustomerRegistered({ name: "Anna Österberg", email: "a@b.c" })]),
  stream(customers, "c-2", [CustomerRegistered({ name: "Max", email: "m@b.c" }), CustomerRenamed({ name: "Moritz" })]),
  stream(orders, "o-1", [order("o-1", "c-1", 10, item("p-1", "Coffee, 250 g"), item("p-2", "Crème brûlée"))]),
  stream(orders, "o-2", [order("o-2", "c-2", 11, item("p-1", "Coffee, 250 g"))]),
  stream(orders, "o-3", [order("o-3", "c-1", 12), ItemAdded(item("tea.x", "Ærø tea <b>"))]),
  stream(orders, "o-4", [order("o-4", "c-9", 13, item("p-1", "Coffee")), OrderCancelled({ reason: "no" })]),
);

interface Body {
  readonly items: readonly { readonly orderId: string }[];
  readonly total: number;
  readonly facets: Readonly<Record<string, readonly { readonly value: unknown; readonly count: number }[]>>;
  readonly nextCursor: string | null;
}
const ask = async (query: string) => {
  const answer = await found.when(`GET /orders/search${query}` as never).then({ status: 200, headers: { "Read-Model-Stale": "false" } });
  return { ...answer, body: answer.body as Body };
};
const idsOf = async (query: string) => (await ask(query)).body.items.map(({ orderId }) => orderId);

describe("a search", () => {
  test("answers orders as the list shows them, newest first, and counts all of them", async () => {
    const { body } = await ask("");
    const list = await found.when("GET /orders").then({ status: 200 });
    assert.deepEqual(body, {
      items: (list.body as Body).items,
      total: 4,
      facets: {
        status: [
          { value: "CREATED", count: 3 },
          { value: "CANCELLED", count: 1 },
        ],
        customerId: [
          { value: "c-1", count: 2 },
          { value: "c-2", count: 1 },
          { value: "c-9", count: 1 },
        ],
      },
      nextCursor: null,
    });
  });

  test("finds every word, by its beginning, in any order and field, whatever its case and accents", async () => {
    const wanted: readonly (readonly [string, readonly string[]])[] = [
      ["?q=coffee", ["o-4", "o-2", "o-1"]],
      ["?q=COF", ["o-4", "o-2", "o-1"]],
      ["?q=offee", []],
      ["?q=cof+ann", ["o-1"]],
      ["?q=oster%20BRUL", ["o-1"]],
      ["?q=%C3%96sterberg", ["o-3", "o-1"]],
      ["?q=aero", ["o-3"]],
      ["?q=tea.x", ["o-3"]],
      ["?q=o-2", ["o-2", "o-1"]],
      ["?q=o-2+moritz", ["o-2"]],
      ["?q=moritz", ["o-2"]],
      ["?q=max", []],
      ["?q=%F0%9F%98%80%20%21", ["o-4", "o-3", "o-2", "o-1"]],
      ["?q=", ["o-4", "o-3", "o-2", "o-1"]],
      ["?q", ["o-4", "o-3", "o-2", "o-1"]],
    ];
    for (const [query, ids] of wanted) assert.deepEqual(await idsOf(query), ids, query);
  });

  test("is filtered, and counts what is left", async () => {
    const { body } = await ask("?q=coffee&status=CREATED&customerId=c-2");
    assert.deepEqual([body.items.map(({ orderId }) => orderId), body.total], [["o-2"], 1]);
    assert.deepEqual(body.facets, { status: [{ value: "CREATED", count: 1 }], customerId: [{ value: "c-2", count: 1 }] });
  });

  test("has pages, linked, whose cursors belong to it alone", async () => {
    const first = await ask("?q=cof&limit=2");
    assert.deepEqual([first.body.items.length, first.body.total], [2, 3]);
    const cursor = first.body.nextCursor!;
    assert.equal(first.headers["link"], `</orders/search?q=cof&limit=2&cursor=${cursor}>; rel="next"`);
    const second = await ask(`?q=cof&limit=2&cursor=${cursor}`);
    assert.deepEqual([second.body.items.map(({ orderId }) => orderId), second.body.total, second.body.nextCursor], [["o-1"], 3, null]);
    for (const other of ["?q=coffee", "?q=cof&status=CREATED", "?", "?q=cof%20a"])
      await found.when(`GET /orders/search${other}&cursor=${cursor}` as never).then({ status: 400, body: { code: "INVALID_CURSOR" } });
    await found.when(`GET /orders?cursor=${cursor}` as never).then({ status: 400, body: { code: "INVALID_CURSOR" } });
  });

  test("names the parameters that are wrong", async () => {
    const wrong: readonly (readonly [string, readonly string[]])[] = [
      ["?q=a&q=b", ["q"]],
      ["?Q=a", ["Q"]],
      ["?status=", ["status"]],
      ["?status=LOST&customerId=..&limit=0", ["status", "customerId", "limit"]],
      ["?orderId=o-1", ["orderId"]],
      [`?q=${Array.from({ length: 101 }, (_, i) => `w${i}`).join("+")}`, ["q"]],
    ];
    for (const [query, parameters] of wrong) {
      const { body } = await found.when(`GET /orders/search${query}` as never).then({ status: 422, body: { code: "INVALID_INPUT" } });
      const { errors } = body as { errors: { parameter: string }[] };
      assert.deepEqual(
        errors.map(({ parameter }) => parameter),
        parameters,
        query,
      );
    }
    await ask(`?q=${Array.from({ length: 200 }, (_, i) => `w${i % 100}`).join("+")}`);
  });

  test("follows a write and a rename at once", async () => {
    await found
      .when("POST /customers/c-2/rename", { body: { name: "Wilhelm" } })
      .then({ status: 202 })
      .when("GET /orders/search?q=wilh+coff")
      .then({ status: 200, body: { items: [{ orderId: "o-2", customerName: "Wilhelm" }], total: 1 } });
  });
});

test("highlights are shown where the route says so, but for fields that are hidden", async () => {
  const named = view(
    "named",
    {
      document: z.object({ name: z.string(), email: z.string() }),
      from: [customers],
      indexes: ["name"],
      search: { text: ["name", "email"] },
    },
    { create: { CustomerRegistered: ({ data }) => data }, on: {} },
  );
  const names = service({
    name: "names",
    aggregates: [customers],
    views: [named],
    http: http({ title: "n", routes: { "GET /names": search(named, { highlight: true, hide: ["email"] }) } }),
  });
  await spec(names)
    .given(stream(customers, "c-1", [CustomerRegistered({ name: "Ann <Ärger>", email: "ann@b.c" })]))
    .when("GET /names?q=arg+ann")
    .then({
      status: 200,
      body: { items: [{ name: "Ann <Ärger>" }], total: 1, facets: {}, highlights: [{ name: ["<em>Ann</em> &lt;<em>Ärger</em>&gt;"] }] },
    });
});

test("what cannot be a search is refused at start", () => {
  const routes =
    (options: object, of: unknown = orderSearch) =>
    () =>
      http({ title: "t", routes: { "GET /found": search(of as typeof orderSearch, options as never) } });
  assert.throws(routes({}, orderSummaries), { code: "INVALID_DEFINITION", message: /declares no 'search'/ });
  assert.throws(routes({ filter: ["itemCount"] }), { code: "INVALID_DEFINITION", message: /'itemCount' stands in no index/ });
  assert.throws(routes({ hide: ["colour"] }), { code: "INVALID_DEFINITION", message: /'colour', which is hidden, is no field/ });
  assert.throws(() => http({ title: "t", routes: { "GET /found/{status}": search(orderSearch) } as never }), {
    code: "INVALID_DEFINITION",
    message: /\{status\} is not a filter/,
  });
  assert.equal(http({ title: "t", routes: { "GET /found/{status}": search(orderSearch, { filter: ["status"] }) } }).routes.length, 1);
  assert.equal(find(orderSearch).kind, "find");
});

test("its documentation shows what it takes and gives", () => {
  const document = openApi(api, api.routes);
  const operation = document.paths["/orders/search"]!["get"] as {
    operationId: string;
    parameters: readonly { name?: string; $ref?: string }[];
    responses: Record<string, { content: { "application/json": { schema: { required: string[]; properties: Record<string, unknown> } } } }>;
  };
  assert.equal(operation.operationId, "searchOrdersSearch");
  assert.deepEqual(
    operation.parameters.map(({ name, $ref }) => name ?? $ref!.split("/").at(-1)),
    ["q", "status", "customerId", "Limit", "Cursor", "ConsistencyToken", "Prefer"],
  );
  const { schema } = operation.responses["200"]!.content["application/json"];
  assert.deepEqual(schema.required, ["items", "total", "facets", "nextCursor"]);
  const schemas = (document.components as { schemas: Record<string, { properties: object; required: string[] }> }).schemas;
  assert.deepEqual(Object.keys(schemas["order_search_item"]!.properties), Object.keys(schemas["order_summaries_document"]!.properties));
  assert.deepEqual(schemas["order_search_item"]!.required, schemas["order_summaries_document"]!.required);
});
