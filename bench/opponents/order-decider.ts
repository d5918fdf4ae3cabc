/** The rules of `examples/orders/domain.ts` as a plain decider, as Emmett's users write one: data comes validated, events are not checked, a refusal is thrown. */
import type { StoredItem } from "../../examples/orders/values.ts";
import { isTooLarge, totalOf } from "../../examples/orders/values.ts";

export interface OrderState {
  readonly status: "NONE" | "CREATED" | "SUBMITTED" | "PAID";
  readonly total: number;
}

/** A type, not an interface: Emmett's events are records. */
export type OrderEvent = { readonly type: string; readonly data: object };

export const initialState = (): OrderState => ({ status: "NONE", total: 0 });

export function evolve(order: OrderState, { type, data }: OrderEvent): OrderState {
  switch (type) {
    case "OrderCreated":
      return { status: "CREATED", total: totalOf((data as { readonly items: readonly StoredItem[] }).items) };
    case "ItemAdded":
      return { ...order, total: order.total + totalOf([data as StoredItem]) };
    case "OrderSubmitted":
      return { ...order, status: "SUBMITTED" };
    case "OrderPaid":
      return { ...order, status: "PAID" };
    default:
      return order;
  }
}

export function decide(order: OrderState, { type, data }: OrderEvent): OrderEvent {
  switch (type) {
    case "CreateOrder":
      if (order.status !== "NONE") throw new Error("OrderAlreadyExists");
      if (isTooLarge(totalOf((data as { readonly items: readonly StoredItem[] }).items))) throw new Error("TotalTooLarge");
      return { type: "OrderCreated", data };
    case "AddItem":
      if (order.status !== "CREATED") throw new Error("OrderNotOpen");
      if (isTooLarge(order.total + totalOf([data as StoredItem]))) throw new Error("TotalTooLarge");
      return { type: "ItemAdded", data };
    case "SubmitOrder":
      if (order.status !== "CREATED") throw new Error("OrderNotOpen");
      return { type: "OrderSubmitted", data: { total: order.total } };
    case "PayOrder":
      if (order.status !== "SUBMITTED") throw new Error("OrderNotPayable");
      if ((data as { readonly amount: number }).amount !== order.total) throw new Error("AmountMismatch");
      return { type: "OrderPaid", data };
    default:
      throw new Error(`no command ${type}`);
  }
}
