import assert from "node:assert/strict";
import { test } from "node:test";
import { fails, quantity, setting, waitsIn, type Setting } from "../../test/query-setting.ts";
import { productStats as view } from "../../test/view-domain.ts";
import { TidemarkError } from "../errors.ts";

async function switchOver(s: Setting): Promise<number> {
  const { generation } = await s.store.create(view);
  for (const partition of [0, 1]) await s.apply(partition, generation);
  await s.store.switch(view, generation);
  return generation;
}

test("who waits while the generation is switched waits for and reads the one it began with", async (t) => {
  const s = await setting(t);
  await s.happen(0);
  await s.apply(0);
  const part = await s.happen(0);
  const read: number[] = [];
  s.faults.before("get", ({ generation }) => void read.push(generation));
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await switchOver(s);
  assert.equal(s.queries.waiting, 1, "the new one has it; this one reads the old one");
  await s.apply(0, 1);
  assert.equal(await reading, 2);
  assert.deepEqual(read, [1]);
  assert.equal(await quantity(s, { token: [part], waitMs: 0 }), 2);
  assert.deepEqual(read, [1, 2], "the next request reads the new one");
});

test("a generation that is retired under a reader, or under one who waits, is changed for the live one", async (t) => {
  const s = await setting(t);
  await s.happen(0);
  await s.apply(0);
  assert.equal(await quantity(s, {}), 1);
  const held = s.faults.hold("get");
  const reading = quantity(s, {});
  await held.reached;
  const part = await s.happen(1);
  const waiting = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  const generation = await switchOver(s);
  await s.store.retire(view, 1);
  held.release();
  assert.equal(await reading, 2);
  assert.equal(await waiting, 2);
  assert.equal(generation, 2);
});

test("a generation that keeps moving is given up after three attempts", async (t) => {
  const s = await setting(t);
  let attempts = 0;
  s.faults.before("get", ({ generation }) => {
    attempts += 1;
    throw new TidemarkError("GENERATION_MOVED", { view: view.name, generation });
  });
  await assert.rejects(quantity(s, {}), fails("GENERATION_MOVED"));
  assert.equal(attempts, 3);
});
