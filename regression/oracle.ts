/**
 * The example's contract folded once more, by code that shares nothing with the product: a document's every state, from the events of its
 * stream, in the form that HTTP gives it. Copied customer fields are added for a given state of the customer.
 */
import type { EventRow } from "./history.ts";

export interface OrderState {
  readonly version: number;
  readonly lastUpdated: string;
  readonly customerId: string;
  /** Both without the customer's fields. */
  readonly summary: Readonly<Record<string, unknown>>;
  readonly detail: Readonly<Record<string, unknown>>;
}

export interface CustomerState {
  readonly version: number;
  readonly lastUpdated: string;
  readonly customer: { readonly customerId: string; readonly name: string; readonly email: string };
}

interface Line {
  productId: string;
  name: string;
  quantity: number;
  unitPrice: number;
}

const money = (minor: number) => `${Math.trunc(minor / 100)}.${String(minor % 100).padStart(2, "0")}`;
const timeOf = (event: EventRow) => (JSON.parse(event.metadata) as { time: string }).time;

/** State `n - 1` is the one after version `n`. `events`: of one stream, by version. */
export function orderStates(events: readonly EventRow[]): OrderState[] {
  const states: OrderState[] = [];
  const lines: Line[] = [];
  const history: { status: string; at: string; reason?: string }[] = [];
  let status = "";
  let customerId = "";
  let createdAt = "";
  let payment: unknown = null;
  let shipping: unknown = null;
  const become = (next: string, at: string, reason?: string) => {
    status = next;
    history.push({ status: next, at, ...(reason === undefined ? {} : { reason }) });
  };
  for (const event of events) {
    const at = timeOf(event);
    const data = JSON.parse(event.data) as Line & {
      customerId: string;
      items: Line[];
      method: string;
      amount: number;
      carrier: string;
      trackingNumber: string;
      reason: string;
    };
    switch (event.type) {
      case "OrderCreated":
        customerId = data.customerId;
        createdAt = at;
        lines.push(...data.items);
        become("CREATED", at);
        break;
      case "ItemAdded":
        lines.push(data);
        break;
      case "OrderSubmitted":
        become("SUBMITTED", at);
        break;
      case "OrderPaid":
        payment = { method: data.method, amount: money(data.amount), paidAt: at };
        become("PAID", at);
        break;
      case "OrderShipped":
        shipping = { carrier: data.carrier, trackingNumber: data.trackingNumber, shippedAt: at };
        become("SHIPPED", at);
        break;
      case "OrderCancelled":
        become("CANCELLED", at, data.reason);
        break;
      default:
        throw new Error(`The oracle does not know the event ${event.type}.`);
    }
    const total = money(lines.reduce((sum, line) => sum + line.quantity * line.unitPrice, 0));
    const items = lines.map(({ productId, name, quantity, unitPrice }) => ({
      productId,
      name,
      quantity,
      unitPrice: money(unitPrice),
      lineTotal: money(quantity * unitPrice),
    }));
    const base = { orderId: event.stream, customerId, status, total };
    states.push({
      version: event.version,
      lastUpdated: at,
      customerId,
      summary: { ...base, itemCount: lines.length, createdAt, updatedAt: at },
      detail: { ...base, items, payment, shipping, history: [...history] },
    });
  }
  return states;
}

export function customerStates(events: readonly EventRow[]): CustomerState[] {
  const states: CustomerState[] = [];
  let customer = { customerId: "", name: "", email: "" };
  for (const event of events) {
    const data = JSON.parse(event.data) as { name: string; email: string };
    if (event.type === "CustomerRegistered") customer = { customerId: event.stream, name: data.name, email: data.email };
    else if (event.type === "CustomerRenamed") customer = { ...customer, name: data.name };
    else throw new Error(`The oracle does not know the event ${event.type}.`);
    states.push({ version: event.version, lastUpdated: timeOf(event), customer });
  }
  return states;
}

/** The document as HTTP gives it; `customer` undefined: there is none yet. */
export const summaryOf = (state: OrderState, customer: CustomerState | undefined): unknown => ({
  ...state.summary,
  customerName: customer?.customer.name ?? null,
});
export const detailOf = (state: OrderState, customer: CustomerState | undefined): unknown => ({
  ...state.detail,
  customer:
    customer === undefined
      ? { customerId: state.customerId, name: null, email: null }
      : { customerId: state.customerId, name: customer.customer.name, email: customer.customer.email },
});

/** All states of all streams. */
export interface Folded {
  readonly orders: ReadonlyMap<string, readonly OrderState[]>;
  readonly customers: ReadonlyMap<string, readonly CustomerState[]>;
}

export function foldLog(events: readonly EventRow[]): Folded {
  const streams = { orders: new Map<string, EventRow[]>(), customers: new Map<string, EventRow[]>() };
  for (const event of events) {
    const log = streams[event.log as keyof typeof streams];
    if (log === undefined) throw new Error(`The oracle does not know the log ${event.log}.`);
    const list = log.get(event.stream);
    if (list === undefined) log.set(event.stream, [event]);
    else list.push(event);
  }
  const sorted = (list: EventRow[]) => list.toSorted((a, b) => a.version - b.version);
  return {
    orders: new Map([...streams.orders].map(([key, list]) => [key, orderStates(sorted(list))])),
    customers: new Map([...streams.customers].map(([key, list]) => [key, customerStates(sorted(list))])),
  };
}
