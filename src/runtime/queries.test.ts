import assert from "node:assert/strict";
import { test } from "node:test";
import { fails, quantity, setting, waitsIn } from "../../test/query-setting.ts";
import { orderSummaries, productStats as view } from "../../test/view-domain.ts";
import { formatToken } from "../core/token.ts";
import { waiters } from "./waiters.ts";

/** A read that waits, and whose first look was answered: whatever it finds from now on it has by other means. */
async function lookedOnce(s: Awaited<ReturnType<typeof setting>>, options: Parameters<typeof quantity>[1]) {
  await s.queries.get(view, "p");
  const looked = Promise.withResolvers<void>();
  const remove = s.faults.after("status", () => {
    remove();
    looked.resolve();
  });
  const reading = quantity(s, options);
  await looked.promise;
  assert.equal(s.queries.waiting, 1);
  return { reading };
}

test("a read without a token does not wait", async (t) => {
  const s = await setting(t);
  await s.happen(0);
  const { value } = await s.queries.get(view, "p");
  assert.equal(value, undefined);
});

test("a read with a token waits, and is woken by the checkpoint's commit", async (t) => {
  const s = await setting(t);
  const token = formatToken([await s.happen(0), await s.happen(1)]);
  let settled = false;
  const reading = quantity(s, { token, waitMs: 30_000 }).finally(() => (settled = true));
  await waitsIn(s, 1);
  await s.apply(0);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(s.queries.waiting, 1, "the other part is not covered yet");
  assert.equal(settled, false);
  // no look at the store can tell it
  const held = s.faults.hold("status");
  await s.apply(1);
  for (let turn = 0; turn < 3; turn++) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(s.queries.waiting, 0, "woken by the commit itself");
  held.release();
  assert.equal(await reading, 2);
  assert.equal(s.queries.fallbackWakes, 0);
});

test("what is covered already is not waited for", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.apply(0);
  assert.equal(await quantity(s, { token: [part], waitMs: 0 }), 1);
  await s.apply(0);
  assert.equal(await quantity(s, { token: [{ ...part, position: 0 }], waitMs: 0 }), 1);
});

test("a commit between the registration and the answer of its look is not lost", async (t) => {
  const s = await setting(t);
  await s.happen(1);
  await s.apply(1);
  const part = await s.happen(0);
  await s.queries.get(view, "p");
  // the look's answer was read before the commit, and is told after it
  const answered = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const remove = s.faults.after("status", () => {
    remove();
    answered.resolve();
    return going.promise;
  });
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await answered.promise;
  await s.apply(0);
  assert.equal(await reading, 2, "woken by the commit itself");
  going.resolve();
  assert.equal(s.queries.fallbackWakes, 0);
});

test("a look that was under way when a commit's notification got lost is not trusted: a new one follows", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.queries.get(view, "p");
  const answered = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const remove = s.faults.after("status", () => {
    remove();
    answered.resolve();
    return going.promise;
  });
  s.clock += 2_000;
  const other = s.queries.get(view, "p");
  await answered.promise;
  // committed by another process, whose notification never comes
  const off = s.w.read.checkpointMoved.tell;
  Object.assign(s.w.read.checkpointMoved, { tell: () => undefined });
  await s.apply(0);
  Object.assign(s.w.read.checkpointMoved, { tell: off });
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  // it has asked for its first look by now, and the one under way is still not told
  assert.equal(
    await waiters(1).until(
      () => false,
      () => Promise.resolve(),
      Date.now() + 30,
    ),
    false,
  );
  going.resolve();
  assert.equal(await reading, 1);
  await other;
  assert.equal(s.queries.fallbackWakes, 0, "its own first look found it");
});

test("the fallback finds what no notification told, and counts it; it is not counted otherwise", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const { reading } = await lookedOnce(s, { token: [part], waitMs: 30_000 });
  const tell = s.w.read.checkpointMoved.tell;
  Object.assign(s.w.read.checkpointMoved, { tell: () => undefined });
  await s.apply(0);
  Object.assign(s.w.read.checkpointMoved, { tell });
  assert.equal(await reading, 1);
  assert.equal(s.queries.fallbackWakes, 1);
  const next = await s.happen(0);
  const second = quantity(s, { token: [next], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.apply(0);
  assert.equal(await second, 2);
  assert.equal(s.queries.fallbackWakes, 1);
});

test("a reconnect makes everybody look again", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const { reading } = await lookedOnce(s, { token: [part], waitMs: 30_000 });
  const tell = s.w.read.checkpointMoved.tell;
  Object.assign(s.w.read.checkpointMoved, { tell: () => undefined });
  await s.apply(0);
  Object.assign(s.w.read.checkpointMoved, { tell });
  s.w.read.reconnect();
  assert.equal(await reading, 1);
  assert.equal(s.queries.fallbackWakes, 0);
});

test("too late: READ_MODEL_BEHIND says how old the view is", async (t) => {
  const s = await setting(t);
  await s.recordEnds();
  s.clock += 3_000;
  const part = await s.happen(0);
  await assert.rejects(
    quantity(s, { token: [part], waitMs: 10 }),
    fails("READ_MODEL_BEHIND", ({ details }) => details.view === "product_stats" && details.waitedMs === 10 && details.ageMs === 3_000),
  );
  assert.equal(s.queries.waiting, 0);
});

test("too late, but stale data are wanted: they come, marked", async (t) => {
  const s = await setting(t);
  await s.happen(0);
  await s.apply(0);
  await s.recordEnds();
  const part = await s.happen(0);
  const read = await s.queries.get(view, "p", { token: [part], waitMs: 10, allowStale: true });
  assert.equal(read.value?.document["quantity"], 1);
  assert.equal(read.stale, true, "behind the token, whatever the records say");
});

test("the deadline looks once more", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const { reading } = await lookedOnce(s, { token: [part], waitMs: 100 });
  const tell = s.w.read.checkpointMoved.tell;
  Object.assign(s.w.read.checkpointMoved, { tell: () => undefined });
  await s.apply(0);
  Object.assign(s.w.read.checkpointMoved, { tell });
  assert.equal(await reading, 1);
  assert.equal(s.queries.fallbackWakes, 0);
});

test("waiters are bounded", async (t) => {
  const s = await setting(t, { maxWaiting: 1 });
  const part = await s.happen(0);
  const first = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await assert.rejects(quantity(s, { token: [part], waitMs: 30_000 }), fails("OVERLOADED"));
  await s.apply(0);
  assert.equal(await first, 1);
});

test("closing ends those who wait", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const reading = assert.rejects(quantity(s, { token: [part], waitMs: 30_000 }), fails("CLOSED"));
  await waitsIn(s, 1);
  await s.queries.close();
  await reading;
});

test("a store that is down fails the read by name", async (t) => {
  const s = await setting(t);
  s.faults.fail("status");
  await assert.rejects(quantity(s, {}), fails("UNAVAILABLE"));
  assert.equal(await quantity(s, {}), undefined);
});

test("reads that wait together are one query", async (t) => {
  const s = await setting(t);
  await s.happen(0);
  await s.apply(0);
  await s.queries.get(view, "p");
  const asked: (readonly string[])[] = [];
  s.faults.before("get", ({ keys }) => void asked.push(keys));
  await Promise.all(["p", "q", "p"].map((key) => s.queries.get(view, key)));
  assert.deepEqual(asked, [["p", "q"]]);
});

test("find goes the same way", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const reading = s.queries.find(view, { where: { quantity: { gte: 1 } }, order: [], limit: 10 }, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.apply(0);
  assert.deepEqual(
    (await reading).value.items.map((item) => item.document["quantity"]),
    [1],
  );
  await assert.rejects(s.queries.find(view, { where: { productId: "p" }, order: [], limit: 10 }), fails("INVALID_INPUT"));
});

test("a view that is not one of this service is named", async (t) => {
  const s = await setting(t);
  await assert.rejects(s.queries.get(orderSummaries, "o"), fails("INVALID_DEFINITION"));
});
