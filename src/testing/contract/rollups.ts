/** Rollups against groups that are computed anew from all the documents: documents move between groups, leave them and come back. */
import assert from "node:assert/strict";
import { avg, count, countBy, hour, max, min, sum } from "../../core/rollup-measures.ts";
import { rollup } from "../../core/rollup.ts";
import { view } from "../../core/view.ts";
import { freshFold } from "../../memory/view-fold.ts";
import type { FindQuery } from "../../runtime/ports.ts";
import { orders, productStats } from "./domain.ts";
import { applyAll, applyNext, feedNew } from "./feed.ts";
import { inMemory } from "./find-plainly.ts";
import { random, randomLogs } from "./logs.ts";
import { fields, oneOf, orNull, real, text, whole } from "./schemas.ts";
import { type Group, group, has } from "./suite.ts";
import type { Suite } from "./world.ts";

/** Amounts are no whole numbers, and their sums no exact ones in binary. */
const bills = view(
  "bills",
  {
    document: fields<{
      customerId: string | null;
      status: "OPEN" | "PAID";
      quantity: number;
      amount: number;
      method: string | null;
      at: string;
    }>({
      customerId: orNull(text),
      status: oneOf("OPEN", "PAID"),
      quantity: whole,
      amount: real,
      method: orNull(text),
      at: text,
    }),
    from: [orders],
  },
  {
    create: {
      Created: ({ data, time }) => ({ customerId: data.customerId, status: "OPEN", quantity: 0, amount: 0, method: null, at: time }),
    },
    on: {
      Added: (bill, { data, time }) => ({
        ...bill,
        quantity: bill.quantity + data.quantity,
        amount: bill.amount + data.quantity * 0.105,
        at: time,
      }),
      Moved: (bill, { data }) => ({ ...bill, customerId: data.customerId }),
      Paid: (bill, { data }) => ({ ...bill, status: "PAID", method: data.method }),
      Erased: () => null,
    },
  },
);

const byCustomer = rollup("bills_by_customer", {
  document: fields<{
    customerId: string;
    bills: number;
    open: number;
    methods: Record<string, number>;
    quantity: number;
    amount: string;
    average: string | null;
    least: number;
    latest: string;
  }>({
    customerId: text,
    bills: whole,
    open: whole,
    methods: { type: "object", additionalProperties: whole },
    quantity: whole,
    amount: text,
    average: orNull(text),
    least: real,
    latest: text,
  }),
  of: bills,
  by: { customerId: "customerId" },
  measures: {
    bills: count(),
    open: count({ where: { status: "OPEN" } }),
    methods: countBy("method"),
    quantity: sum("quantity"),
    amount: sum("amount"),
    average: avg("amount", { where: { status: "PAID" }, digits: 2 }),
    least: min("amount"),
    latest: max("at"),
  },
});

const byHour = rollup("bills_by_hour", {
  document: fields<{ hour: string; status: "OPEN" | "PAID"; bills: number; amount: string }>({
    hour: text,
    status: oneOf("OPEN", "PAID"),
    bills: whole,
    amount: text,
  }),
  of: bills,
  by: { hour: hour("at"), status: "status" },
  measures: { bills: count(), amount: sum("amount") },
});

/** Over documents whose keys come from all partitions. */
const byQuantity = rollup("products_by_quantity", {
  document: fields<{ quantity: number; products: number; last: string }>({ quantity: whole, products: whole, last: text }),
  of: productStats,
  by: { quantity: "quantity" },
  measures: { products: count(), last: max("productId") },
});

export const anyRollup = byCustomer;
const rollupsOf = (suite: Suite) => (has(suite, "sharedKeys") ? [byCustomer, byHour, byQuantity] : [byCustomer, byHour]);

export function rollupCases(suite: Suite): void {
  group(suite, "rollups", ["rollups"], {
    "random batches, repeats and old checkpoints give the groups of a plain recomputation": recomputed,
    "processes that feed it at once": rivals,
    "groups are found by their dimensions, in order and page by page": found,
  });
}

const partitions = 3;
const logsOf = (seed: number) =>
  randomLogs(random(seed), { partitions, orders: 12, customers: 6, orderEvents: 250, customerEvents: 1 }).orders;

async function recomputed({ suite, main, assertFold }: Group): Promise<void> {
  for (const each of rollupsOf(suite)) {
    for (let seed = suite.seed; seed < suite.seed + suite.rounds; seed++) {
      const r = random(seed);
      const log = logsOf(seed);
      const projection = await feedNew(main, each, partitions);
      const open = new Set(log.keys());
      while (open.size > 0) {
        const partition = r.pick([...open]);
        const from = await projection.checkpoint("orders", partition);
        const size = 1 + r.below(r.pick([5, 120]));
        if ((await applyNext(projection, from, log[partition]!, size)) === "end") open.delete(partition);
        else if (r.below(5) === 0) assert.equal(await applyNext(projection, from, log[partition]!, size), "moved");
      }
      await assertFold(each, projection.generation, log.flat());
    }
  }
}

async function rivals({ suite, main, process, assertFold }: Group): Promise<void> {
  const stores = [main, await process()];
  for (const each of rollupsOf(suite)) {
    const log = logsOf(suite.seed + 10);
    const { generation } = await feedNew(main, each, partitions);
    await Promise.all(
      Array.from({ length: partitions * 2 }, async (_, i) => {
        const r = random(i);
        const projection = stores[i % 2]!.projection(each, generation);
        const partition = Math.floor(i / 2);
        for (;;) {
          const from = await projection.checkpoint("orders", partition);
          if ((await applyNext(projection, from, log[partition]!, 1 + r.below(40))) === "end") return;
        }
      }),
    );
    await assertFold(each, generation, log.flat());
  }
}

async function found({ suite, main }: Group): Promise<void> {
  if (!has(suite, "find")) return;
  const log = logsOf(suite.seed + 20);
  const projection = await feedNew(main, byHour, partitions);
  await applyAll(projection, "orders", log, 60);
  const all = [...freshFold(byHour, log.flat())].map(([key, stored]) => ({ ...stored, key }));
  const orderings: FindQuery["order"][] = [
    [{ field: "hour", direction: "desc" }],
    [
      { field: "status", direction: "asc" },
      { field: "hour", direction: "desc" },
    ],
  ];
  for (const where of [{}, { status: "PAID" }, { hour: { gt: "2026-01-01T00" } }]) {
    for (const order of orderings) {
      // both dimensions are the key, so it never breaks a tie here but by status
      const expected = inMemory(
        all.map(({ key, ...stored }) => ({ ...stored, document: { ...stored.document, key } })),
        { where, order },
        "key",
      ).map(({ document: { key: _, ...document } }) => document);
      const items = [];
      for (let after: FindQuery["after"]; ;) {
        const page = await main.find(byHour, projection.generation, { where, order, limit: 1, ...(after === undefined ? {} : { after }) });
        items.push(...page.items.map(({ document }) => document));
        if (page.next === null) break;
        after = page.next;
      }
      assert.deepEqual(items, expected, JSON.stringify({ where, order }));
    }
  }
}
