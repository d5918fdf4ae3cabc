/** The write side: what customers and orders may do, and what follows from it. */
import { aggregate } from "tidemark";
import { z } from "zod";
import { Id, isTooLarge, Item, OrderId, type Status, StoredItem, Text, Total, totalOf } from "./values.ts";

export const customers = aggregate(
  "customers",
  {
    id: "customerId",
    stream: Id,
    commands: {
      RegisterCustomer: z.strictObject({ name: Text, email: Text }),
      RenameCustomer: z.strictObject({ name: Text }),
    },
    events: {
      CustomerRegistered: z.object({ name: z.string(), email: z.string() }),
      CustomerRenamed: z.object({ name: z.string() }),
    },
    rejections: {
      CustomerAlreadyExists: "A customer with this id exists.",
      CustomerNotFound: "There is no customer with this id.",
    },
    initial: { registered: false },
  },
  {
    decide: {
      RegisterCustomer: (customer, { data }, { CustomerRegistered, CustomerAlreadyExists }) =>
        customer.registered ? CustomerAlreadyExists() : CustomerRegistered(data),
      RenameCustomer: (customer, { data }, { CustomerRenamed, CustomerNotFound }) =>
        customer.registered ? CustomerRenamed(data) : CustomerNotFound(),
    },
    evolve: {
      CustomerRegistered: () => ({ registered: true }),
      CustomerRenamed: (customer) => customer,
    },
  },
);

interface Order {
  readonly status: Status | "NONE";
  readonly total: number;
}
const noOrder: Order = { status: "NONE", total: 0 };

export const orders = aggregate(
  "orders",
  {
    id: "orderId",
    stream: OrderId,
    commands: {
      CreateOrder: z.strictObject({ customerId: Id, items: z.array(Item).min(1).max(1_000) }),
      AddItem: Item,
      SubmitOrder: z.strictObject({}),
      PayOrder: z.strictObject({ method: Text, amount: Total }),
      ShipOrder: z.strictObject({ carrier: Text, trackingNumber: Text }),
      CancelOrder: z.strictObject({ reason: Text }),
    },
    events: {
      OrderCreated: z.object({ customerId: z.string(), items: z.array(StoredItem) }),
      ItemAdded: StoredItem,
      OrderSubmitted: z.object({ total: z.int() }),
      OrderPaid: z.object({ method: z.string(), amount: z.int() }),
      OrderShipped: z.object({ carrier: z.string(), trackingNumber: z.string() }),
      OrderCancelled: z.object({ reason: z.string() }),
    },
    rejections: {
      OrderAlreadyExists: "An order with this id exists.",
      OrderNotFound: "There is no order with this id.",
      OrderNotOpen: "The order was submitted or cancelled and takes no change.",
      OrderNotPayable: "Only a submitted order can be paid, and only once.",
      OrderNotShippable: "Only a paid order can be shipped, and only once.",
      OrderNotCancellable: "An order that was shipped or cancelled cannot be cancelled.",
      TotalTooLarge: "The total of the order would be above 90071992547409.91.",
      AmountMismatch: (data: { due: number }) => `The amount due is ${Total.encode(data.due)}.`,
    },
    initial: noOrder,
  },
  {
    decide: {
      CreateOrder: (order, { data }, { OrderCreated, OrderAlreadyExists, TotalTooLarge }) => {
        if (order.status !== "NONE") return OrderAlreadyExists();
        return isTooLarge(totalOf(data.items)) ? TotalTooLarge() : OrderCreated(data);
      },
      AddItem: (order, { data }, { ItemAdded, OrderNotFound, OrderNotOpen, TotalTooLarge }) => {
        if (order.status === "NONE") return OrderNotFound();
        if (order.status !== "CREATED") return OrderNotOpen();
        return isTooLarge(order.total + totalOf([data])) ? TotalTooLarge() : ItemAdded(data);
      },
      SubmitOrder: (order, _, { OrderSubmitted, OrderNotFound, OrderNotOpen }) => {
        if (order.status === "NONE") return OrderNotFound();
        return order.status === "CREATED" ? OrderSubmitted({ total: order.total }) : OrderNotOpen();
      },
      PayOrder: (order, { data }, { OrderPaid, OrderNotFound, OrderNotPayable, AmountMismatch }) => {
        if (order.status === "NONE") return OrderNotFound();
        if (order.status !== "SUBMITTED") return OrderNotPayable();
        return data.amount === order.total ? OrderPaid(data) : AmountMismatch({ due: order.total });
      },
      ShipOrder: (order, { data }, { OrderShipped, OrderNotFound, OrderNotShippable }) => {
        if (order.status === "NONE") return OrderNotFound();
        return order.status === "PAID" ? OrderShipped(data) : OrderNotShippable();
      },
      CancelOrder: (order, { data }, { OrderCancelled, OrderNotFound, OrderNotCancellable }) => {
        if (order.status === "NONE") return OrderNotFound();
        return order.status === "SHIPPED" || order.status === "CANCELLED" ? OrderNotCancellable() : OrderCancelled(data);
      },
    },
    evolve: {
      OrderCreated: (_, { data }) => ({ status: "CREATED", total: totalOf(data.items) }),
      ItemAdded: (order, { data }) => ({ ...order, total: order.total + totalOf([data]) }),
      OrderSubmitted: (order) => ({ ...order, status: "SUBMITTED" }),
      OrderPaid: (order) => ({ ...order, status: "PAID" }),
      OrderShipped: (order) => ({ ...order, status: "SHIPPED" }),
      OrderCancelled: (order) => ({ ...order, status: "CANCELLED" }),
    },
  },
);
