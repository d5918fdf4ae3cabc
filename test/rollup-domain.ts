/** Rollups of every kind over the orders of view-domain.ts, and what each must hold, computed the plainest way. */
import assert from "node:assert/strict";
import { z } from "zod";
import { compareScalars, compareText, type Scalar } from "../src/core/condition.ts";
import type { AnyView, Document } from "../src/core/definition.ts";
import type { LogEvent } from "../src/core/message.ts";
import { reference } from "../src/core/reference.ts";
import { avg, count, countBy, hour, max, min, sum } from "../src/core/rollup-measures.ts";
import { rollup } from "../src/core/rollup.ts";
import { view } from "../src/core/view.ts";
import { freshFold } from "../src/memory/view-fold.ts";
import type { StoredDocument, ViewStore } from "../src/runtime/ports.ts";
import { customerCards, orders, productStats } from "./view-domain.ts";

/** Copies from customers, which its rollups do not read. Amounts are no whole numbers, and the sums of them no exact ones in binary. */
export const measured = view(
  "measured",
  {
    document: z.object({
      customerId: z.string().nullable(),
      customerName: z.string().nullable(),
      status: z.enum(["OPEN", "PAID"]),
      quantity: z.int(),
      amount: z.number(),
      method: z.string().nullish(),
      at: z.string(),
    }),
    from: [orders],
    indexes: ["customerId"],
    references: { customerId: reference(customerCards, (card) => ({ customerName: card?.name ?? null })) },
  },
  {
    create: {
      Created: ({ data, time }) => ({ customerId: data.customerId, status: "OPEN", quantity: 0, amount: 0, method: null, at: time }),
    },
    on: {
      Added: (order, { data, time }) => ({
        ...order,
        quantity: order.quantity + data.quantity,
        amount: order.amount + data.quantity * 0.105,
        at: time,
      }),
      Moved: (order, { data }) => ({ ...order, customerId: data.customerId }),
      Paid: (order, { data }) => ({ ...order, status: "PAID", method: data.method }),
      Erased: () => null,
    },
  },
);

/** Many groups; documents move from one to another, and to none. */
export const byCustomer = rollup("by_customer", {
  document: z.object({
    customerId: z.string(),
    orders: z.int(),
    open: z.int(),
    methods: z.record(z.string(), z.int()),
    quantity: z.int(),
    amount: z.string(),
    average: z.string().nullable(),
    mean: z.number(),
    least: z.number(),
    latest: z.string(),
    method: z.string().nullable(),
  }),
  of: measured,
  by: { customerId: "customerId" },
  measures: {
    orders: count(),
    open: count({ where: { status: "OPEN" } }),
    methods: countBy("method", { where: { quantity: { gte: 0 } } }),
    quantity: sum("quantity"),
    amount: sum("amount"),
    average: avg("amount", { where: { status: { in: ["PAID"] } }, digits: 2 }),
    mean: avg("quantity", { where: { amount: { gt: 0 } }, digits: 3 }),
    least: min("amount"),
    latest: max("at"),
    method: max("method", { where: { status: { not: "OPEN" } } }),
  },
});

/** Few groups that all partitions write, by two dimensions. */
export const byHour = rollup("by_hour", {
  document: z.object({ hour: z.string(), status: z.enum(["OPEN", "PAID"]), orders: z.int(), amount: z.string() }),
  of: measured,
  by: { hour: hour("at"), status: "status" },
  measures: { orders: count(), amount: sum("amount") },
});

/** Over documents that all partitions write. */
export const byQuantity = rollup("by_quantity", {
  document: z.object({ quantity: z.int(), products: z.int(), last: z.string() }),
  of: productStats,
  by: { quantity: "quantity" },
  measures: { products: count(), last: max("productId") },
});

export const allRollups = [byCustomer, byHour, byQuantity] as const;

type Doc = Document & Readonly<Record<"customerId" | "status" | "at" | "method", string>> & Readonly<Record<"quantity" | "amount", number>>;

/** Whole millionths of millionths of … : the sums of binary fractions to 60 places. */
const places = 60;
const exact = (value: number): bigint => {
  const [mantissa = "", exponent = "0"] = value.toString().split("e");
  const [whole = "", fraction = ""] = mantissa.split(".");
  return BigInt(whole + fraction) * 10n ** BigInt(places - fraction.length + Number(exponent));
};
const text = (value: bigint): string => {
  const digits = String(value < 0n ? -value : value).padStart(places + 1, "0");
  const fraction = digits.slice(-places).replace(/0+$/, "");
  return `${value < 0n ? "-" : ""}${digits.slice(0, -places)}${fraction === "" ? "" : "."}${fraction}`;
};
const total = (values: readonly number[]): bigint => values.reduce((n, value) => n + exact(value), 0n);
const mean = (values: readonly number[], digits: number): string => {
  const unit = 10n ** BigInt(places - digits) * BigInt(values.length);
  const all = total(values);
  const size = all < 0n ? -all : all;
  const rounded = size / unit + ((size % unit) * 2n >= unit ? 1n : 0n);
  const shown = String(rounded).padStart(digits + 1, "0");
  return `${all < 0n && rounded > 0n ? "-" : ""}${shown.slice(0, -digits)}.${shown.slice(-digits)}`;
};
const tally = (values: readonly string[]) =>
  Object.fromEntries([...new Set(values)].toSorted(compareText).map((value) => [value, values.filter((one) => one === value).length]));
const highest = <T extends Scalar>(values: readonly T[]): T | null => values.toSorted(compareScalars).at(-1) ?? null;

type Plain = readonly [key: (document: Doc) => string | null, document: (documents: readonly Doc[]) => Document];

const plain = new Map<AnyView, Plain>([
  [
    byCustomer,
    [
      ({ customerId }) => customerId,
      (all) => {
        const paid = all.filter(({ status }) => status === "PAID");
        const some = all.filter(({ amount }) => amount > 0).map(({ quantity }) => quantity);
        return {
          customerId: all[0]!.customerId,
          orders: all.length,
          open: all.length - paid.length,
          methods: tally(all.filter(({ quantity }) => quantity >= 0).flatMap(({ method }) => method ?? [])),
          quantity: all.reduce((n, { quantity }) => n + quantity, 0),
          amount: text(total(all.map(({ amount }) => amount))),
          average:
            paid.length === 0
              ? null
              : mean(
                  paid.map(({ amount }) => amount),
                  2,
                ),
          mean: some.length === 0 ? 0 : Number(mean(some, 3)),
          least: Math.min(...all.map(({ amount }) => amount)),
          latest: highest(all.map(({ at }) => at)),
          method: highest(paid.flatMap(({ method }) => method ?? [])),
        };
      },
    ],
  ],
  [
    byHour,
    [
      ({ at, status }) => `["${at.slice(0, 13)}","${status}"]`,
      (all) => ({
        hour: all[0]!.at.slice(0, 13),
        status: all[0]!.status,
        orders: all.length,
        amount: text(total(all.map(({ amount }) => amount))),
      }),
    ],
  ],
  [
    byQuantity,
    [
      ({ quantity }) => String(quantity),
      (all) => ({ quantity: all[0]!.quantity, products: all.length, last: highest(all.map((one) => one["productId"] as string)) }),
    ],
  ],
]);

/** The groups that follow from `events`, by code that knows nothing of rules. */
export function plainGroups(definition: AnyView, events: readonly LogEvent[]): Map<string, StoredDocument> {
  const [keyOf, documentOf] = plain.get(definition)!;
  const groups = new Map<string, StoredDocument[]>();
  for (const row of freshFold(definition.rollup!.of, events).values()) {
    const key = keyOf(row.document as Doc);
    if (key !== null) groups.set(key, [...(groups.get(key) ?? []), row]);
  }
  return new Map(
    [...groups].map(([key, rows]) => [
      key,
      {
        document: documentOf(rows.map(({ document }) => document as Doc)),
        version: rows.reduce((n, { version }) => n + version, 0),
        lastUpdated: highest(rows.map(({ lastUpdated }) => lastUpdated))!,
      },
    ]),
  );
}

/** All groups are those, and there are no others; by key and by the dimension's index. */
export async function assertGroups(
  store: Pick<ViewStore, "get" | "find">,
  definition: AnyView,
  generation: number,
  events: readonly LogEvent[],
): Promise<void> {
  const expected = plainGroups(definition, events);
  const keys = [...expected.keys()].toSorted(compareText);
  const got = await store.get(definition, generation, [...keys, "no such group"]);
  assert.deepEqual(got, [...keys.map((key) => expected.get(key)), undefined], `groups of ${definition.name} by key`);
  const page = await store.find(definition, generation, { where: {}, order: [], limit: keys.length + 1 });
  assert.deepEqual(
    page.items,
    keys.map((key) => expected.get(key)),
    `all groups of ${definition.name}`,
  );
}
