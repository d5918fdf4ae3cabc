/** Two folds that share no code, the checker's and the product's, must agree on any history. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { customerProfiles, orderDetails, orderSummaries } from "../examples/orders/views.ts";
import type { LogEvent } from "../src/core/message.ts";
import { partitionOf } from "../src/core/partition.ts";
import { freshFold } from "../src/memory/view-fold.ts";
import type { EventRow } from "./history.ts";
import { detailOf, foldLog, summaryOf } from "./oracle.ts";
import type { Random } from "./random.ts";
import { randomOf } from "./random.ts";

/** Events that a write side could have made, orders of customers that are registered later or never among them. */
function randomLog(random: Random): EventRow[] {
  const events: EventRow[] = [];
  const streams = new Map<string, { version: number; status: string }>();
  const add = (log: string, stream: string, type: string, data: unknown, status: string) => {
    const n = events.length + 1;
    const version = (streams.get(stream)?.version ?? 0) + 1;
    const partition = partitionOf(stream, 3);
    const position = events.filter((e) => e.log === log && e.partition === partition).length + 1;
    const time = new Date(Date.UTC(2026, 0, 1) + n * 1_000).toISOString();
    events.push({
      log,
      partition,
      position,
      stream,
      version,
      type,
      id: `e-${n}`,
      commandId: `c-${n}`,
      data: JSON.stringify(data),
      metadata: JSON.stringify({ time }),
    });
    streams.set(stream, { version, status });
  };
  const item = () => ({ productId: "p", name: `Tea ${random.below(9)}`, quantity: 1 + random.below(5), unitPrice: random.below(100_000) });
  for (let i = 0; i < 120; i++) {
    const customer = `c-${random.below(5)}`;
    if (random.chance(0.3)) {
      if (streams.has(customer)) add("customers", customer, "CustomerRenamed", { name: `name ${i}` }, "");
      else add("customers", customer, "CustomerRegistered", { name: `name ${i}`, email: `${i}@example.org` }, "");
      continue;
    }
    const order = `o-${random.below(15)}`;
    const status = streams.get(order)?.status ?? "NONE";
    if (status === "NONE") add("orders", order, "OrderCreated", { customerId: customer, items: [item(), item()] }, "CREATED");
    else if (status === "CREATED" && random.chance(0.5)) add("orders", order, "ItemAdded", item(), "CREATED");
    else if (status === "CREATED") add("orders", order, "OrderSubmitted", { total: 1 }, "SUBMITTED");
    else if (status === "SUBMITTED" && random.chance(0.7)) add("orders", order, "OrderPaid", { method: "card", amount: 12_345 }, "PAID");
    else if (status === "PAID" && random.chance(0.7))
      add("orders", order, "OrderShipped", { carrier: "post", trackingNumber: "T1" }, "SHIPPED");
    else if (status !== "SHIPPED" && status !== "CANCELLED") add("orders", order, "OrderCancelled", { reason: `r ${i}` }, "CANCELLED");
  }
  return events;
}

const asLogEvent = ({ data, metadata, commandId, ...event }: EventRow): LogEvent => {
  const { time } = JSON.parse(metadata) as { time: string };
  return {
    ...event,
    schemaVersion: 1,
    time,
    data: JSON.parse(data) as unknown,
    metadata: { time, commandId, correlationId: commandId, causationId: commandId },
  };
};

test("the oracle and the product's definitions agree on any history", () => {
  for (let seed = 1; seed <= 40; seed++) {
    const rows = randomLog(randomOf(seed));
    const folded = foldLog(rows);
    const customerOf = (id: string) => folded.customers.get(id)?.at(-1);
    const ordersBy = (document: typeof summaryOf) =>
      Object.fromEntries(
        [...folded.orders].map(([key, states]) => {
          const state = states.at(-1)!;
          return [key, { document: document(state, customerOf(state.customerId)), version: state.version, lastUpdated: state.lastUpdated }];
        }),
      );
    const events = rows.map(asLogEvent);
    const byProduct = (view: typeof orderSummaries | typeof orderDetails | typeof customerProfiles) =>
      Object.fromEntries(
        [...freshFold(view, events)].map(([key, f]) => [
          key,
          { ...f, document: z.encode(view.document as unknown as z.ZodType, f.document) },
        ]),
      );
    assert.deepEqual(byProduct(orderSummaries), ordersBy(summaryOf), `order_summaries, seed ${seed}`);
    assert.deepEqual(byProduct(orderDetails), ordersBy(detailOf), `order_details, seed ${seed}`);
    const customers = Object.fromEntries(
      [...folded.customers].map(([key, states]) => [
        key,
        { document: states.at(-1)!.customer, version: states.at(-1)!.version, lastUpdated: states.at(-1)!.lastUpdated },
      ]),
    );
    assert.deepEqual(byProduct(customerProfiles), customers, `customer_profiles, seed ${seed}`);
  }
});
