import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { isTidemarkError } from "../errors.ts";
import { spec, stream } from "../testing/index.ts";
import { eventLog } from "./event-log.ts";
import { view } from "./view.ts";

const products = eventLog("products", {
  id: "productId",
  stream: z.string().max(5),
  events: { Added: z.object({ stock: z.int() }), Sold: z.object({}) },
});

test("a log has its events, checked where they are made, and no commands", () => {
  assert.deepEqual(products.events.Added({ stock: 1 }), { type: "Added", data: { stock: 1 } });
  assert.deepEqual(products.events.Sold(), { type: "Sold", data: {} });
  assert.throws(
    () => products.events.Added({ stock: 1.5 }),
    (error) => isTidemarkError(error, "INVALID_EVENT"),
  );
  assert.deepEqual(Object.keys(products.commands), []);
  assert.equal(products.kind, "aggregate");
  assert.equal(products.evolve(null, products.events.Sold()), null);
  // @ts-expect-error: no such event
  assert.equal(products.events.Bought, undefined);
});

test("names are checked, and what an event's schema gives must be JSON", () => {
  const invalid = (error: unknown) => isTidemarkError(error, "INVALID_DEFINITION");
  assert.throws(() => eventLog("No name", { id: "x", events: {} }), invalid);
  assert.throws(() => eventLog("fine", { id: "", events: {} }), invalid);
  assert.throws(() => eventLog("fine", { id: "x", events: { "no name": z.object({}) } }), invalid);
  // @ts-expect-error: a Date is not JSON
  assert.equal(eventLog("fine", { id: "x", events: { At: z.object({ at: z.date() }) } }).name, "fine");
});

test("a view is folded from it as from any other log, with the events' types", () => {
  const stock = view(
    "stock",
    { document: z.object({ stock: z.int() }), from: [products] },
    { create: { Added: ({ data }) => ({ stock: data.stock }) }, on: { Sold: ({ stock: before }) => ({ stock: before - 1 }) } },
  );
  spec(stock)
    .given(stream(products, "p-1", [products.events.Added({ stock: 3 }), products.events.Sold()]))
    .then({ "p-1": { stock: 2 } });
});
