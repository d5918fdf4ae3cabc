/**
 * The orders that all read-side benchmarks are made of: 5 events each (created with 2 items, 2 items added, submitted, paid), about 260 bytes
 * of data on average. Everything of an order is a function of its number, so any check can make it again without keeping it.
 */
import type { StoredItem } from "../../examples/orders/values.ts";

export const eventsPerOrder = 5;
/** Customers that orders refer to. */
export const customerCount = 10_000;

/** Key, customer and values of the order of this number. Keys are unique and in no order, as keys made from hashes are. */
export interface Order {
  readonly key: string;
  readonly customerId: string;
  readonly items: readonly StoredItem[];
  readonly total: number;
  readonly method: string;
}

const words =
  "arabica of small lots, washed and dried in the sun, roasted slowly over beechwood and packed on the day of dispatch; ".repeat(3);
const startedAtMs = Date.UTC(2026, 0, 1);

/** A bijection of 32 bits: what looks random is the same in each run. */
function mixed(n: number): number {
  let h = Math.imul(n ^ (n >>> 16), 0x45d9f3b);
  h = Math.imul(h ^ (h >>> 16), 0x45d9f3b);
  return (h ^ (h >>> 16)) >>> 0;
}
const hex = (n: number, digits: number) => n.toString(16).padStart(digits, "0");

export const orderKey = (n: number): string => `${hex(mixed(n), 8)}-0000-7000-8000-${hex(n, 12)}`;
export const customerKey = (n: number): string => `${hex(mixed(n + 0x10000000), 8)}-0000-7000-9000-${hex(n, 12)}`;

/** The number of an order's customer. */
export const customerNumber = (n: number): number => mixed(n) % customerCount;

function item(n: number, line: number): StoredItem {
  const chance = mixed(n * 4 + line);
  const start = chance % 40;
  return {
    productId: `product-${hex(chance % 5_000, 6)}`,
    name: `Coffee ${words.slice(start, start + 190 + (chance % 50))}`,
    quantity: 1 + (chance % 9),
    unitPrice: 100 + (chance % 9_000),
  };
}

export function orderOf(n: number): Order {
  const items = [item(n, 0), item(n, 1), item(n, 2), item(n, 3)];
  return {
    key: orderKey(n),
    customerId: customerKey(customerNumber(n)),
    items,
    total: items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0),
    method: `card ending in ${1_000 + (n % 9_000)}`,
  };
}

/** Type and data of the event that takes an order from `version - 1` to `version` (1 to 5). */
export function orderEvent({ customerId, items, total, method }: Order, version: number): { readonly type: string; readonly data: object } {
  if (version === 1) return { type: "OrderCreated", data: { customerId, items: items.slice(0, 2) } };
  if (version <= 3) return { type: "ItemAdded", data: items[version]! };
  return version === 4 ? { type: "OrderSubmitted", data: { total } } : { type: "OrderPaid", data: { method, amount: total } };
}

export const eventTime = (n: number, version: number): string => new Date(startedAtMs + n * 10 + version).toISOString();
/** A uuid of version 7's layout, in order of the orders. */
export const eventId = (n: number, version: number): string =>
  `${hex(startedAtMs + n * 10, 12).replace(/^(.{8})/, "$1-")}-7${hex(version, 3)}-8000-${hex(n, 12)}`;
