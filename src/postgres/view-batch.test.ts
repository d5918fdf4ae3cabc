/** What a batch makes of a document depends on its events alone (I9). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { logWriter, orderSummaries, orderTotals, productStats } from "../../test/view-domain.ts";
import type { LogEvent } from "../core/message.ts";
import { foldKey, noRow, touchedBy } from "./view-batch.ts";
import type { Row } from "./view-rows.ts";
import { shapeOf } from "./view-shape.ts";

/** One key's events in batches that end at `cuts`. */
function fold(view: typeof productStats | typeof orderTotals, key: string, events: readonly LogEvent[], cuts: readonly number[] = []): Row {
  let row = noRow(key);
  let from = 0;
  for (const to of [...cuts, events.length]) {
    const own = touchedBy(view, events.slice(from, to), view.name).get(key);
    if (own !== undefined) row = foldKey(shapeOf(view), key, own, row, view.name).row;
    from = to;
  }
  return row;
}

test("handlers see no copied fields, whatever is in the row", () => {
  const seen: unknown[] = [];
  const view = {
    ...orderSummaries,
    fold: (...args: Parameters<typeof orderSummaries.fold>) => {
      seen.push(args[0]);
      return orderSummaries.fold(...args);
    },
  };
  const log = logWriter("orders", 1);
  const [created, added] = [log.add("o", "Created", { customerId: "c" }), log.add("o", "Added", { productId: "p", quantity: 1 })];
  const { row } = foldKey(shapeOf(view), "o", [created], noRow("o"), view.name);
  foldKey(shapeOf(view), "o", [added], { ...row, document: { ...row.document, customerName: "Ann", customerNote: "c is Ann" } }, view.name);
  assert.deepEqual(seen, [null, row.document]);
});

test("the version of a document that many streams feed goes on over a deletion, however the events are cut", () => {
  const log = logWriter("orders", 1);
  const events = [1, -1, 2, 3, -5, 4].map((quantity) => log.add("o", "Added", { productId: "p", quantity }));
  const whole = fold(productStats, "p", events);
  assert.deepEqual([whole.version, whole.document], [6, { productId: "p", quantity: 4 }]);
  for (let cut = 1; cut < events.length; cut++) assert.deepEqual(fold(productStats, "p", events, [cut]), whole, `cut at ${cut}`);
});

test("the time of a document is that of its latest event, in whatever order partitions are applied", () => {
  const log = logWriter("orders", 1);
  const [early, late] = [log.add("a", "Added", { productId: "p", quantity: 1 }), log.add("b", "Added", { productId: "p", quantity: 2 })];
  const row = fold(productStats, "p", [early, late]);
  assert.equal(row.updated, late.time);
  assert.deepEqual(fold(productStats, "p", [late, early], [1]), row);
});

test("the time of a document keyed by its stream is that of its stream's last event, also where a writer's clock went back", () => {
  const log = logWriter("orders", 1);
  const [created, added] = [log.add("o", "Created", { customerId: null }), log.add("o", "Added", { productId: "p", quantity: 1 })];
  const earlier = { ...added, time: new Date(Date.parse(created.time) - 5_000).toISOString() };
  for (const cuts of [[], [1]]) {
    const { version, updated } = fold(orderTotals, "o", [created, earlier], cuts);
    assert.deepEqual({ version, updated }, { version: 2, updated: earlier.time });
  }
});

test("a document keyed by its stream starts anew after a deletion, and has its stream's version", () => {
  const log = logWriter("orders", 1);
  const events = [log.add("o", "Created", { customerId: null }), log.add("o", "Erased", {}), log.add("o", "Created", { customerId: "c" })];
  assert.deepEqual(fold(orderTotals, "o", events.slice(0, 2)), noRow("o"));
  for (const cuts of [[], [1], [2], [1, 2]]) {
    assert.deepEqual(fold(orderTotals, "o", events, cuts), {
      key: "o",
      document: { count: 0, paid: false, customerId: "c" },
      version: 3,
      updated: events[2]!.time,
    });
  }
});
