/** `read(view).search` of a running service. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { customers, orders } from "../../examples/orders/domain.ts";
import { ordersService } from "../../examples/orders/main.ts";
import { orderSearch, orderSummaries } from "../../examples/orders/views.ts";
import { stream, testApp } from "../testing/index.ts";

const created = (name: string) =>
  orders.events.OrderCreated({ customerId: "c-1", items: [{ productId: "p-1", name, quantity: 1, unitPrice: 100 }] });

test("a search answers pages with totals, facets and highlights, and refuses what is none", async () => {
  await using app = await testApp(ordersService, {
    given: [
      stream(customers, "c-1", [customers.events.CustomerRegistered({ name: "Ann", email: "a@b.c" })]),
      stream(orders, "o-1", [created("Café & co")]),
      stream(orders, "o-2", [created("Cafe")]),
      stream(orders, "o-3", [created("Tea")]),
    ],
  });
  const reader = app.read(orderSearch);
  const query = { text: "cafe ann", order: { createdAt: "desc" }, limit: 1, highlight: true } as const;
  const first = await reader.search(query);
  assert.deepEqual(
    [first.items.map(({ document }) => document.orderId), first.total, first.facets],
    [["o-2"], 2, { status: [{ value: "CREATED", count: 2 }], customerId: [{ value: "c-1", count: 2 }] }],
  );
  const second = await reader.search({ ...query, cursor: first.nextCursor! });
  assert.deepEqual(second.items[0]?.document.itemNames, ["Café & co"]);
  assert.deepEqual(second.highlights, [{ customerName: ["<em>Ann</em>"], itemNames: ["<em>Café</em> &amp; co"] }]);
  assert.equal(second.nextCursor, null);
  assert.equal((await reader.search({ text: "" })).total, 3);

  await assert.rejects(reader.search({ ...query, text: "cafe", cursor: first.nextCursor! }), { code: "INVALID_CURSOR" });
  await assert.rejects(reader.search({ text: "", limit: 101 }), { code: "INVALID_INPUT" });
  await assert.rejects(reader.search({ text: Array.from({ length: 101 }, (_, i) => `w${i}`).join(" ") }), { code: "INVALID_INPUT" });
  await assert.rejects(reader.search({} as never), { code: "INVALID_INPUT" });
  await assert.rejects((app.read(orderSummaries) as unknown as typeof reader).search({ text: "x" }), { code: "INVALID_DEFINITION" });
});
