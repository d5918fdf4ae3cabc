/** The read side: one document for each question that is asked. */
import { avg, count, countBy, day, reference, rollup, sum, view } from "tidemark";
import { z } from "zod";
import { customers, orders } from "./domain.ts";
import { lineTotal, Money, Status, Sum, Total, totalOf } from "./values.ts";

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

/** The list of orders. Filled in by reference, the customer's name follows every rename, and an order may come before its customer. */
export const orderSummaries = view(
  "order_summaries",
  {
    document: z.object({
      orderId: z.string(),
      customerId: z.string(),
      customerName: z.string().nullable(),
      status: Status,
      total: Total,
      itemCount: z.int(),
      createdAt: z.string(),
      updatedAt: z.string(),
    }),
    from: [orders],
    indexes: ["createdAt", ["customerId", "createdAt"], ["status", "createdAt"], ["customerId", "status", "createdAt"]],
    references: { customerId: reference(customerCards, (customer) => ({ customerName: customer?.name ?? null })) },
  },
  {
    create: {
      OrderCreated: ({ stream, data, time }) => ({
        orderId: stream,
        customerId: data.customerId,
        status: "CREATED",
        total: totalOf(data.items),
        itemCount: data.items.length,
        createdAt: time,
        updatedAt: time,
      }),
    },
    on: {
      ItemAdded: (order, { data, time }) => ({
        ...order,
        total: order.total + lineTotal(data),
        itemCount: order.itemCount + 1,
        updatedAt: time,
      }),
      OrderSubmitted: (order, { time }) => ({ ...order, status: "SUBMITTED", updatedAt: time }),
      OrderPaid: (order, { time }) => ({ ...order, status: "PAID", updatedAt: time }),
      OrderShipped: (order, { time }) => ({ ...order, status: "SHIPPED", updatedAt: time }),
      OrderCancelled: (order, { time }) => ({ ...order, status: "CANCELLED", updatedAt: time }),
    },
  },
);

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
