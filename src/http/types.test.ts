/** What must not compile: each line below is an error, and the compiler says so if one ceases to be. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { customers, orders } from "../../examples/orders/domain.ts";
import { dailyOrderStats, orderDetails, orderSearch, orderSummaries } from "../../examples/orders/views.ts";
import { command, find, get, http, search } from "./index.ts";

const title = "t";
const refusals: readonly (() => unknown)[] = [
  // @ts-expect-error a GET route takes find(…), get(…) or search(…), not a command
  () => http({ title, routes: { "GET /orders": orders.commands.CreateOrder } }),
  // @ts-expect-error a GET route takes find(…), get(…) or search(…), not a command
  () => http({ title, routes: { "GET /orders": command(orders.commands.CreateOrder) } }),
  // @ts-expect-error a POST route takes a command, not a view
  () => http({ title, routes: { "POST /orders": find(orderSummaries) } }),
  // @ts-expect-error a POST route takes a command, not a view
  () => http({ title, routes: { "POST /orders/{id}": get(orderDetails, { as: "order" }) } }),
  // @ts-expect-error {email} is not a filter of this route
  () => http({ title, routes: { "GET /customers/{email}/orders": find(orderSummaries, { filter: ["customerId"] }) } }),
  // @ts-expect-error {orderId}: the only path parameter of a command is {id}
  () => http({ title, routes: { "POST /orders/{orderId}/pay": orders.commands.PayOrder } }),
  // @ts-expect-error a get route has one path parameter
  () => http({ title, routes: { "GET /orders": get(orderDetails, { as: "order" }) } }),
  // @ts-expect-error a route's key is 'POST /path' or 'GET /path'
  () => http({ title, routes: { "PUT /orders": orders.commands.CreateOrder } }),
  // @ts-expect-error OrderNotPayable is no rejection of a command in these routes
  () => http({ title, statuses: { OrderNotPayable: 422 }, routes: { "POST /orders": orders.commands.CreateOrder } }),
  // @ts-expect-error 200 is no status of a rejection
  () => http({ title, statuses: { OrderAlreadyExists: 200 }, routes: { "POST /orders": orders.commands.CreateOrder } }),
  // @ts-expect-error itemCount stands in no index
  () => http({ title, routes: { "GET /orders": find(orderSummaries, { filter: ["itemCount"] }) } }),
  // @ts-expect-error itemCount stands in no index
  () => http({ title, routes: { "GET /orders": find(orderSummaries, { order: { itemCount: "asc" } }) } }),
  // @ts-expect-error an order is "asc" or "desc"
  () => http({ title, routes: { "GET /orders": find(orderSummaries, { order: { createdAt: "newest" } }) } }),
  // @ts-expect-error RegisterCustomer is never rejected with CustomerNotFound
  () => http({ title, routes: { "POST /customers": command(customers.commands.RegisterCustomer, { rejects: ["CustomerNotFound"] }) } }),
  // @ts-expect-error orderCount stands in no index
  () => http({ title, routes: { "GET /stats": find(dailyOrderStats, { between: "orderCount" }) } }),
  // @ts-expect-error a view that declares no search
  () => http({ title, routes: { "GET /orders/search": search(orderSummaries) } }),
  // @ts-expect-error itemCount stands in no index
  () => http({ title, routes: { "GET /orders/search": search(orderSearch, { filter: ["itemCount"] }) } }),
  // @ts-expect-error a field that is none
  () => http({ title, routes: { "GET /orders/search": search(orderSearch, { hide: ["colour"] }) } }),
  // @ts-expect-error a POST route takes a command, not a view
  () => http({ title, routes: { "POST /orders/search": search(orderSearch) } }),
  // @ts-expect-error {status} is not a filter of this route
  () => http({ title, routes: { "GET /orders/search/{status}": search(orderSearch, { filter: ["customerId"] }) } }),
];

test("what does not compile is here for the compiler alone", () => assert.equal(refusals.length, 20));

test("what compiles is a table of routes", () => {
  const api = http({
    title,
    encode: z.encode,
    statuses: { OrderNotFound: 404, CustomerAlreadyExists: 422 },
    routes: {
      "POST /customers": command(customers.commands.RegisterCustomer, { rejects: ["CustomerAlreadyExists"] }),
      "POST /orders/{id}/pay": orders.commands.PayOrder,
      "GET /orders": find(orderSummaries),
      "GET /customers/{customerId}/orders": find(orderSummaries, { filter: ["customerId", "status"], order: { createdAt: "desc" } }),
      "GET /orders/{id}": get(orderDetails, { as: "order", notFound: "OrderNotFound" }),
    },
  });
  assert.deepEqual(
    api.routes.map((route) => [route.method, route.path, route.parameters, route.target.kind]),
    [
      ["POST", "/customers", [], "command"],
      ["POST", "/orders/{id}/pay", ["id"], "command"],
      ["GET", "/orders", [], "find"],
      ["GET", "/customers/{customerId}/orders", ["customerId"], "find"],
      ["GET", "/orders/{id}", ["id"], "get"],
    ],
  );
});

test("what types cannot stop is refused at start", () => {
  for (const refuse of refusals.filter((_, index) => ![8, 9, 12, 13].includes(index)))
    assert.throws(refuse, { code: "INVALID_DEFINITION" });
});
