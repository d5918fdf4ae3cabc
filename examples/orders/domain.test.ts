import { test } from "node:test";
import { at, spec, stream } from "tidemark/testing";
import { customers, orders } from "./domain.ts";
import { dailyOrderStats, orderDetails, orderSearch, orderSummaries } from "./views.ts";

const { AddItem, CancelOrder, CreateOrder, PayOrder, ShipOrder, SubmitOrder } = orders.commands;
const { ItemAdded, OrderCancelled, OrderCreated, OrderPaid, OrderShipped, OrderSubmitted } = orders.events;
const {
  AmountMismatch,
  OrderAlreadyExists,
  OrderNotCancellable,
  OrderNotFound,
  OrderNotOpen,
  OrderNotPayable,
  OrderNotShippable,
  TotalTooLarge,
} = orders.rejections;
const { RegisterCustomer, RenameCustomer } = customers.commands;
const { CustomerRegistered, CustomerRenamed } = customers.events;
const { CustomerAlreadyExists, CustomerNotFound } = customers.rejections;

const coffee = { productId: "coffee", name: "Coffee, 250 g", quantity: 2 };
const created = OrderCreated({ customerId: "c-1", items: [{ ...coffee, unitPrice: 625 }] });
const submitted = OrderSubmitted({ total: 1250 });
const paid = OrderPaid({ method: "card", amount: 1250 });
const shipped = OrderShipped({ carrier: "DHL", trackingNumber: "T-1" });
const cancelled = OrderCancelled({ reason: "changed my mind" });

test("a customer is registered once and renamed at will", () => {
  spec(customers)
    .when(RegisterCustomer("c-1", { name: "Ann", email: "a@b.c" }))
    .then(CustomerRegistered({ name: "Ann", email: "a@b.c" }));
  spec(customers)
    .when(RenameCustomer("c-1", { name: "Anne" }))
    .then(CustomerNotFound());
  const ann = spec(customers).given(CustomerRegistered({ name: "Ann", email: "a@b.c" }));
  ann.when(RegisterCustomer("c-1", { name: "Ann", email: "a@b.c" })).then(CustomerAlreadyExists());
  ann.when(RenameCustomer("c-1", { name: "Anne" })).then(CustomerRenamed({ name: "Anne" }));
});

test("an order is created once, prices in minor units", () => {
  const create = CreateOrder("o-1", { customerId: "c-1", items: [{ ...coffee, unitPrice: "6.25" }] });
  spec(orders).when(create).then(created);
  spec(orders).given(created).when(create).then(OrderAlreadyExists());
});

test("items are added while the order is open", () => {
  const add = AddItem("o-1", { ...coffee, unitPrice: "0.5" });
  spec(orders).when(add).then(OrderNotFound());
  spec(orders)
    .given(created)
    .when(add)
    .then(ItemAdded({ ...coffee, unitPrice: 50 }));
  spec(orders).given(created, submitted).when(add).then(OrderNotOpen());
});

test("an order is submitted once, with its total", () => {
  spec(orders).when(SubmitOrder("o-1")).then(OrderNotFound());
  spec(orders)
    .given(created, ItemAdded({ ...coffee, unitPrice: 50 }))
    .when(SubmitOrder("o-1"))
    .then(OrderSubmitted({ total: 1350 }));
  spec(orders).given(created, submitted).when(SubmitOrder("o-1")).then(OrderNotOpen());
});

test("an order is paid in full or not at all", () => {
  const order = spec(orders).given(created, submitted);
  order.when(PayOrder("o-1", { method: "card", amount: "12.50" })).then(paid);
  order.when(PayOrder("o-1", { method: "card", amount: "9.99" })).then(AmountMismatch({ due: 1250 }));
  order.when(PayOrder("o-1", { method: "card", amount: "99999999999999.99" })).then(AmountMismatch({ due: 1250 }));
  order
    .given(paid)
    .when(PayOrder("o-1", { method: "card", amount: "12.50" }))
    .then(OrderNotPayable());
});

test("only a paid order ships, only an order that has not shipped is cancelled", () => {
  const ship = ShipOrder("o-1", { carrier: "DHL", trackingNumber: "T-1" });
  const cancel = CancelOrder("o-1", { reason: "changed my mind" });
  const order = spec(orders).given(created, submitted);
  order.when(ship).then(OrderNotShippable());
  order.given(paid).when(ship).then(shipped);
  order.given(paid).when(cancel).then(cancelled);
  order.given(paid, shipped).when(cancel).then(OrderNotCancellable());
  order.given(cancelled).when(cancel).then(OrderNotCancellable());
});

test("a total stays within what can be counted exactly", () => {
  const dear = { productId: "p", name: "Gold", quantity: 90_071, unitPrice: "999999999999.99" };
  spec(orders)
    .when(CreateOrder("o-1", { customerId: "c-1", items: [dear] }))
    .then(TotalTooLarge());
  const most = OrderCreated({
    customerId: "c-1",
    items: [{ productId: "p", name: "Gold", quantity: 1, unitPrice: 9_007_199_254_740_990 }],
  });
  spec(orders)
    .given(most)
    .when(AddItem("o-1", { ...coffee, quantity: 1, unitPrice: "0.01" }))
    .then(ItemAdded({ ...coffee, quantity: 1, unitPrice: 1 }));
  spec(orders)
    .given(most)
    .when(AddItem("o-1", { ...coffee, quantity: 2, unitPrice: "0.01" }))
    .then(TotalTooLarge());
});

test("what is no command is refused by its shape", () => {
  const item = { ...coffee, unitPrice: "6.25" };
  const create = (id: string, more: object) => spec(orders).when(CreateOrder(id, { customerId: "c-1", items: [item], ...more }));
  for (const id of ["", ".", "..", "search", "a b", "a".repeat(65)]) create(id, {}).thenInvalid("/orderId");
  create("o-1", { items: [] }).thenInvalid("/items");
  create("o-1", { items: Array.from({ length: 1_001 }, () => item) }).thenInvalid("/items");
  create("o-1", { note: "surplus" }).thenInvalid("");
  create("o-1", { customerId: ".." }).thenInvalid("/customerId");
  create("o-1", { items: [item, { ...item, quantity: 0 }, { ...item, quantity: 1.5 }] }).thenInvalid(
    "/items/1/quantity",
    "/items/2/quantity",
  );
  create("o-1", { items: [{ ...item, unitPrice: 6.25 }] }).thenInvalid("/items/0/unitPrice");
  for (const unitPrice of ["", "1.", "1.005", "-1", "1e3", " 1", "1234567890123"])
    create("o-1", { items: [{ ...item, unitPrice }] }).thenInvalid("/items/0/unitPrice");
  for (const name of ["", " \n\t", "x".repeat(501), "half a pair \ud800", "a\u0000b"])
    create("o-1", { items: [{ ...item, name }] }).thenInvalid("/items/0/name");
  create("o-1", { items: [{ ...item, name: "😀".repeat(500) }] }).then(
    OrderCreated({ customerId: "c-1", items: [{ ...coffee, name: "😀".repeat(500), unitPrice: 625 }] }),
  );
});

test("a summary follows the customer's name, whichever comes first", () =>
  spec(orderSummaries)
    .given(
      stream(orders, "o-1", [
        at("2026-03-01T10:00:00Z", created),
        ItemAdded({ ...coffee, unitPrice: 50 }),
        at("2026-03-02T10:00:00Z", submitted),
      ]),
      stream(orders, "o-2", [OrderCreated({ customerId: "c-unknown", items: [] }), cancelled]),
      stream(customers, "c-1", [CustomerRegistered({ name: "Ann", email: "a@b.c" }), CustomerRenamed({ name: "Anne" })]),
    )
    .then({
      "o-1": {
        customerName: "Anne",
        total: 1350,
        itemCount: 2,
        status: "SUBMITTED",
        createdAt: "2026-03-01T10:00:00.000Z",
        updatedAt: "2026-03-02T10:00:00.000Z",
      },
      "o-2": { customerName: null, status: "CANCELLED", total: 0 },
    }));

test("an order is found by its products and their names, each once, beside what the list shows", () =>
  spec(orderSearch)
    .given(
      stream(orders, "o-1", [
        created,
        ItemAdded({ ...coffee, unitPrice: 50 }),
        ItemAdded({ ...coffee, name: "Tea", unitPrice: 50 }),
        submitted,
      ]),
      stream(customers, "c-1", [CustomerRegistered({ name: "Ann", email: "a@b.c" }), CustomerRenamed({ name: "Anne" })]),
    )
    .then({
      "o-1": {
        customerName: "Anne",
        status: "SUBMITTED",
        total: 1450,
        itemCount: 3,
        productIds: ["coffee"],
        itemNames: ["Coffee, 250 g", "Tea"],
      },
    }));

test("the details tell the whole story of an order", () =>
  spec(orderDetails)
    .given(
      stream(orders, "o-1", [
        at("2026-03-01T10:00:00Z", created),
        ItemAdded({ ...coffee, unitPrice: 50 }),
        submitted,
        paid,
        at("2026-03-03T08:00:00Z", shipped),
      ]),
      stream(orders, "o-2", [at("2026-03-01T11:00:00Z", created), cancelled]),
      stream(customers, "c-1", [CustomerRegistered({ name: "Ann", email: "a@b.c" })]),
    )
    .then({
      "o-1": {
        customer: { customerId: "c-1", name: "Ann", email: "a@b.c" },
        items: [
          { ...coffee, unitPrice: 625, lineTotal: 1250 },
          { ...coffee, unitPrice: 50, lineTotal: 100 },
        ],
        total: 1350,
        payment: { method: "card", amount: 1250, paidAt: "2026-03-01T10:00:03.000Z" },
        shipping: { carrier: "DHL", trackingNumber: "T-1", shippedAt: "2026-03-03T08:00:00.000Z" },
        history: [
          { status: "CREATED", at: "2026-03-01T10:00:00.000Z" },
          { status: "SUBMITTED", at: "2026-03-01T10:00:02.000Z" },
          { status: "PAID", at: "2026-03-01T10:00:03.000Z" },
          { status: "SHIPPED", at: "2026-03-03T08:00:00.000Z" },
        ],
      },
      "o-2": {
        payment: null,
        shipping: null,
        history: [
          { status: "CREATED", at: "2026-03-01T11:00:00.000Z" },
          { status: "CANCELLED", at: "2026-03-01T11:00:01.000Z", reason: "changed my mind" },
        ],
      },
    }));

test("an order counts on the day of its submission; cancelled, it leaves the day's revenue", () => {
  const day = spec(dailyOrderStats).given(
    stream(orders, "o-1", [created, at("2026-03-01T10:00:00Z", submitted), paid]),
    stream(orders, "o-2", [created, at("2026-03-01T23:59:59.999Z", OrderSubmitted({ total: 1 })), cancelled]),
    stream(orders, "o-3", [created, at("2026-03-01T12:00:00Z", OrderSubmitted({ total: 51 }))]),
    stream(orders, "o-4", [created, cancelled]),
    stream(orders, "o-5", [created, at("2026-03-02T00:00:00Z", submitted), cancelled]),
  );
  day.then({
    "2026-03-01": {
      orderCount: 3,
      totalRevenue: "1301",
      averageOrderValue: "651",
      ordersByStatus: { PAID: 1, CANCELLED: 1, SUBMITTED: 1 },
    },
    "2026-03-02": { orderCount: 1, totalRevenue: "0", averageOrderValue: "0", ordersByStatus: { CANCELLED: 1 } },
  });
});

test("a day's revenue is exact beyond 2^53", () => {
  const most = Number.MAX_SAFE_INTEGER;
  const dear = (id: string, total: number) => stream(orders, id, [created, at("2026-03-01T10:00:00Z", OrderSubmitted({ total }))]);
  spec(dailyOrderStats)
    .given(dear("o-1", most), dear("o-2", most), dear("o-3", most - 1))
    .then({ "2026-03-01": { totalRevenue: "27021597764222972", averageOrderValue: "9007199254740991" } });
});
