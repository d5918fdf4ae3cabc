/** The values that orders and customers are made of: their form on the wire and their form inside. */
import { z } from "zod";

/** Digits only, so no amount ever passes through a fraction: "12.5" → 1250, 1250 → "12.50". */
const toMinor = (text: string): number => {
  const [units = "", cents = ""] = text.split(".");
  return Number(units + cents.padEnd(2, "0"));
};
const toText = (minor: number | string): string => {
  const digits = String(minor).padStart(3, "0");
  return `${digits.slice(0, -2)}.${digits.slice(-2)}`;
};

/** Minor units inside, a decimal string such as "12.50" on the wire. */
export const Money = z.codec(z.string().regex(/^\d{1,12}(\.\d{1,2})?$/, "must be an amount such as 12.50"), z.int().nonnegative(), {
  decode: toMinor,
  encode: toText,
});

/** A sum of money: two digits longer than a price. What is above 2^53 − 1 minor units can be asked for, but it is never what an order costs. */
export const Total = z.codec(z.string().regex(/^\d{1,14}(\.\d{1,2})?$/, "must be an amount such as 12.50"), z.number().nonnegative(), {
  decode: toMinor,
  encode: toText,
});

/** A sum over many orders, in minor units too, but as text: it stays exact beyond 2^53 − 1. */
export const Sum = z.codec(z.string().regex(/^\d+\.\d{2}$/, "must be an amount such as 12.50"), z.string().regex(/^\d+$/), {
  decode: (text) => text.replace(".", "").replace(/^0+(?=\d)/, ""),
  encode: (minor) => toText(minor),
});

export const Id = z.string().regex(/^(?!\.{1,2}$)[A-Za-z0-9._:-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ : -, and neither . nor ..");

/** `GET /orders/search` is a route, so no order can have that name. */
export const OrderId = z
  .string()
  .regex(/^(?!(?:\.{1,2}|search)$)[A-Za-z0-9._:-]{1,64}$/, "must be 1 to 64 of A-Z a-z 0-9 . _ : -, and neither . nor .. nor search");

/** Counted in code points, kept as given. */
export const Text = z.string().regex(/^(?=[\s\S]*\S)[\s\S]{1,500}$/u, "must have 1 to 500 characters, and not only white space");

export const Status = z.enum(["CREATED", "SUBMITTED", "PAID", "SHIPPED", "CANCELLED"]);
export type Status = z.infer<typeof Status>;

export const Item = z.strictObject({ productId: Id, name: Text, quantity: z.int().min(1).max(1_000_000), unitPrice: Money });

/** An item as events keep it: plain JSON, prices in minor units. */
export const StoredItem = z.object({ productId: z.string(), name: z.string(), quantity: z.int(), unitPrice: z.int() });
export type StoredItem = z.infer<typeof StoredItem>;

export const lineTotal = ({ quantity, unitPrice }: StoredItem): number => quantity * unitPrice;
/** Exact up to 2^53 − 1; a sum that passes it is never given as less. */
export const totalOf = (items: readonly StoredItem[]): number => items.reduce((sum, item) => sum + lineTotal(item), 0);
export const isTooLarge = (total: number): boolean => total > Number.MAX_SAFE_INTEGER;
