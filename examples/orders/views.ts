/** The read side: one document for each question that is asked. */
import { avg, count, countBy, day, reference, rollup, sum, view } from "tidemark";
import { z } from "zod";
import { customers, orders } from "./domain.ts";
import { lineTotal, Money, Status, StoredItem, Sum, Total, totalOf } from "./values.ts";

const Customer = z.object({ customerId: z.string(), name: z.string(), email: z.string() });

const customerView = <const N extends string>(name: N) =>
  view(
    name,
    { document: Customer, from: [customers] },
    {
      create: { CustomerRegistered: ({ stream, data }) => ({ customerId: stream, ...data }) },
      on: { CustomerRenamed: (customer, { data }) => ({ ...customer, name: data.name }) },
    },
  );

/** What the views of orders copy from. */
export const customerCards = customerView("customer_cards");
/** What `GET /customers/{id}` answers. */
export const customerProfiles = customerView("customer_profiles");

const OrderSummary = z.object({
  orderId: z.string(),
  customerId: z.string(),
  customerName: z.string().nullable(),
  status: Status,
  total: Total,
  itemCount: z.int(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
type OrderSummary = z.infer<typeof OrderSummary>;

/** The list of orders. Filled in by reference, the customer's name follows every rename, and an order may come before its customer. */
export const orderSummaries = view(
  "order_summaries",
  {
    document: OrderSummary,
    from: [orders],
    indexes: ["createdAt", ["customerId", "createdAt"], ["status", "createdAt"], ["customerId", "status", "createdAt"]],
    references: { customerId: reference(customerCards, (customer) => ({ customerName: customer?.name ?? null })) },
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => newOrder(stream, data, time),
    },
    on: {
      ItemAdded: (order, { data, time }) => withItem(order, data, time),
      OrderSubmitted: (order, { time }) => ({ ...order, status: "SUBMITTED", updatedAt: time }),
      OrderPaid: (order, { time }) => ({ ...order, status: "PAID", updatedAt: time }),
      OrderShipped: (order, { time }) => ({ ...order, status: "SHIPPED", updatedAt: time }),
      OrderCancelled: (order, { time }) => ({ ...order, status: "CANCELLED", updatedAt: time }),
    },
  },
);

/** What orders are found by. Beside what the list shows, it keeps what people remember of an order: its products, and their names. */
export const orderSearch = view(
  "order_search",
  {
    document: OrderSummary.extend({ productIds: z.array(z.string()), itemNames: z.array(z.string()) }),
    from: [orders],
    indexes: ["createdAt", "status", "customerId"],
    references: { customerId: reference(customerCards, (customer) => ({ customerName: customer?.name ?? null })) },
    search: { text: ["orderId", "customerName", "productIds", "itemNames"], facets: ["status", "customerId"] },
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => ({
        ...newOrder(stream, data, time),
        productIds: each(data.items.map((item) => item.productId)),
        itemNames: each(data.items.map((item) => item.name)),
      }),
    },
    on: {
      ItemAdded: (order, { data, time }) => ({
        ...withItem(order, data, time),
        productIds: each([...order.productIds, data.productId]),
        itemNames: each([...order.itemNames, data.name]),
      }),
      OrderSubmitted: (order, { time }) => ({ ...order, status: "SUBMITTED", updatedAt: time }),
      OrderPaid: (order, { time }) => ({ ...order, status: "PAID", updatedAt: time }),
      OrderShipped: (order, { time }) => ({ ...order, status: "SHIPPED", updatedAt: time }),
      OrderCancelled: (order, { time }) => ({ ...order, status: "CANCELLED", updatedAt: time }),
    },
  },
);

function newOrder(
  orderId: string,
  { customerId, items }: { readonly customerId: string; readonly items: readonly StoredItem[] },
  time: string,
) {
  const status: Status = "CREATED";
  return { orderId, customerId, status, total: totalOf(items), itemCount: items.length, createdAt: time, updatedAt: time };
}

const withItem = <Order extends Pick<OrderSummary, "total" | "itemCount">>(order: Order, item: StoredItem, updatedAt: string) => ({
  ...order,
  total: order.total + lineTotal(item),
  itemCount: order.itemCount + 1,
  updatedAt,
});

const each = (texts: readonly string[]): string[] => [...new Set(texts)];

/** What is measured by the day: an order from its submission on. */
const submittedOrders = view(
  "submitted_orders",
  { document: z.object({ status: Status, total: Total, submittedAt: z.string() }), from: [orders] },
  {
    create: { OrderSubmitted: ({ data, time }) => ({ status: "SUBMITTED", total: data.total, submittedAt: time }) },
    on: {
      OrderPaid: (order) => ({ ...order, status: "PAID" }),
      OrderShipped: (order) => ({ ...order, status: "SHIPPED" }),
      OrderCancelled: (order) => ({ ...order, status: "CANCELLED" }),
    },
  },
);

/** What each day brought: an order counts on the UTC day of its submission, whatever becomes of it; its money counts unless it is cancelled. */
export const dailyOrderStats = rollup("daily_order_stats", {
  document: z.object({
    date: z.iso.date(),
    orderCount: z.int(),
    totalRevenue: Sum,
    averageOrderValue: Sum,
    ordersByStatus: z.partialRecord(Status, z.int()),
  }),
  of: submittedOrders,
  by: { date: day("submittedAt") },
  measures: {
    orderCount: count(),
    totalRevenue: sum("total", { where: { status: { not: "CANCELLED" } } }),
    averageOrderValue: avg("total", { where: { status: { not: "CANCELLED" } } }),
    ordersByStatus: countBy("status"),
  },
});

const Line = z.object({ productId: z.string(), name: z.string(), quantity: z.int(), unitPrice: Money, lineTotal: Total });
const Change = z.object({ status: Status, at: z.string(), reason: z.string().optional() });

/** One order with everything about it. */
export const orderDetails = view(
  "order_details",
  {
    document: z.object({
      orderId: z.string(),
      customerId: z.string(),
      customer: z.object({ customerId: z.string(), name: z.string().nullable(), email: z.string().nullable() }),
      status: Status,
      items: z.array(Line),
      total: Total,
      payment: z.object({ method: z.string(), amount: Total, paidAt: z.string() }).nullable(),
      shipping: z.object({ carrier: z.string(), trackingNumber: z.string(), shippedAt: z.string() }).nullable(),
      history: z.array(Change),
    }),
    from: [orders],
    indexes: ["customerId"],
    references: {
      customerId: reference(customerCards, (customer, customerId) => ({
        customer: { customerId, name: customer?.name ?? null, email: customer?.email ?? null },
      })),
    },
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => ({
        orderId: stream,
        customerId: data.customerId,
        status: "CREATED",
        items: data.items.map((item) => ({ ...item, lineTotal: lineTotal(item) })),
        total: totalOf(data.items),
        payment: null,
        shipping: null,
        history: [{ status: "CREATED", at: time }],
      }),
    },
    on: {
      ItemAdded: (order, { data }) => ({
        ...order,
        items: [...order.items, { ...data, lineTotal: lineTotal(data) }],
        total: order.total + lineTotal(data),
      }),
      OrderSubmitted: (order, { time }) => ({ ...order, ...became(order, "SUBMITTED", time) }),
      OrderPaid: (order, { data, time }) => ({ ...order, ...became(order, "PAID", time), payment: { ...data, paidAt: time } }),
      OrderShipped: (order, { data, time }) => ({ ...order, ...became(order, "SHIPPED", time), shipping: { ...data, shippedAt: time } }),
      OrderCancelled: (order, { data, time }) => ({ ...order, ...became(order, "CANCELLED", time, data.reason) }),
    },
  },
);

/** The new status, and the history with it. */
function became(order: { readonly history: z.infer<typeof Change>[] }, status: Status, at: string, reason?: string) {
  return { status, history: [...order.history, { status, at, ...(reason === undefined ? {} : { reason }) }] };
}

/** The order as other teams follow it in a topic: its latest state for each key. Amounts are whole cents, as in the events. */
export const ordersRead = view(
  "orders_read",
  {
    document: z.object({
      orderId: z.string(),
      customerId: z.string(),
      status: Status,
      items: z.array(StoredItem),
      total: Total,
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
    from: [orders],
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => {
        const { itemCount: _, ...order } = newOrder(stream, data, time);
        return { ...order, items: data.items };
      },
    },
    on: {
      ItemAdded: (order, { data, time }) => ({
        ...order,
        items: [...order.items, data],
        total: order.total + lineTotal(data),
        updatedAt: time,
      }),
      OrderSubmitted: (order, { time }) => ({ ...order, status: "SUBMITTED", updatedAt: time }),
      OrderPaid: (order, { time }) => ({ ...order, status: "PAID", updatedAt: time }),
      OrderShipped: (order, { time }) => ({ ...order, status: "SHIPPED", updatedAt: time }),
      OrderCancelled: (order, { time }) => ({ ...order, status: "CANCELLED", updatedAt: time }),
    },
  },
);
