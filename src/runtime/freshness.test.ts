import assert from "node:assert/strict";
import { test } from "node:test";
import { setting } from "../../test/query-setting.ts";
import { orderSummaries, productStats as view } from "../../test/view-domain.ts";

test("stale and age: caught up, behind, and records that are too old", async (t) => {
  const s = await setting(t);
  const freshness = async () => {
    const { stale, ageMs } = await s.queries.get(view, "p");
    return { stale, ageMs };
  };
  s.clock += 500;
  assert.deepEqual(
    await freshness(),
    { stale: true, ageMs: 500 },
    "nobody has recorded the ends: not known to be fresh, and its age counts from its birth",
  );
  s.clock += 1_500;
  await s.happen(0);
  await s.apply(0);
  await s.recordEnds();
  assert.deepEqual(await freshness(), { stale: false, ageMs: 0 });
  s.clock += 700;
  assert.deepEqual(await freshness(), { stale: false, ageMs: 700 }, "as of the last record");

  await s.happen(0);
  await s.recordEnds();
  s.clock += 1_001;
  assert.deepEqual(await freshness(), { stale: true, ageMs: 1_701 }, "behind since before the second record");
  await s.apply(0);
  assert.deepEqual(await freshness(), { stale: false, ageMs: 1_001 }, "caught up with the second record, which is a second old");

  s.clock += 3_999;
  assert.deepEqual(await freshness(), { stale: false, ageMs: 5_000 });
  s.clock += 1;
  assert.deepEqual(await freshness(), { stale: true, ageMs: 5_001 }, "a record older than five seconds says nothing");
  await s.recordEnds();
  s.clock += 1_001;
  assert.deepEqual(await freshness(), { stale: false, ageMs: 1_001 });
});

test("records of some of its logs alone do not make a view fresh", async (t) => {
  const s = await setting(t, { views: [orderSummaries] });
  await s.store.ensure(orderSummaries);
  await s.store.recordEnds(
    [0, 1].map((partition) => ({ log: "orders", partition, position: 0 })),
    [orderSummaries],
  );
  assert.equal((await s.queries.get(orderSummaries, "o")).stale, true);
  await s.store.recordEnds(
    [0, 1].map((partition) => ({ log: "customers", partition, position: 0 })),
    [orderSummaries],
  );
  s.clock += 1_001;
  assert.equal((await s.queries.get(orderSummaries, "o")).stale, false);
});

test("the ends of this process's own appends count at once", async (t) => {
  const ownEnds = new Map<string, readonly number[]>();
  const s = await setting(t, { ownEnds });
  await s.recordEnds();
  assert.equal((await s.queries.get(view, "p")).stale, false);
  await s.happen(0);
  ownEnds.set("orders", [1, 0]);
  assert.equal((await s.queries.get(view, "p")).stale, true);
  await s.apply(0);
  assert.equal((await s.queries.get(view, "p")).stale, false);
});
