import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import type { AnyView } from "../core/definition.ts";
import { formatToken, maxTokenParts, type Token, type TokenPart } from "../core/token.ts";
import { isTidemarkError, TidemarkError, type ErrorCode } from "../errors.ts";
import { faults, memoryViewStore, type Faults } from "../memory/index.ts";
import { orderSummaries, productStats } from "../../test/view-domain.ts";
import { eventually, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import type { ReadOptions } from "./app.ts";
import { querySide, type QuerySide } from "./queries.ts";
import type { ViewStore } from "./ports.ts";
import type { OwnEnds } from "./view-monitor.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const view = productStats;
const counts = new Map([["orders", 2]]);

interface Setting {
  readonly w: World;
  readonly store: ViewStore;
  readonly queries: QuerySide;
  readonly faults: Faults;
  clock: number;
  /** Appends one event to the partition; its token. */
  happen(partition: number): Promise<TokenPart>;
  /** Applies to the generation what the log holds beyond its checkpoint. */
  apply(partition: number, generation?: number): Promise<void>;
  recordEnds(): Promise<void>;
}

async function setting(t: TestContext, options: { readonly ownEnds?: OwnEnds; readonly maxWaiting?: number; readonly views?: readonly AnyView[]; readonly prepared?: boolean } = {}): Promise<Setting> {
  const clock = { now: Date.UTC(2026, 5, 1) };
  const w = await world({ now: () => clock.now });
  const hooks = faults();
  const store = memoryViewStore(w.read, { faults: hooks });
  const writer = w.views();
  if (options.prepared !== false) {
    await writer.ensure(view);
    await writer.projection(view, 1).checkpoints(counts);
  }
  const { views = [view], ...rest } = options;
  const queries = await querySide({ stores: new Map(views.map((each) => [each, store])), clock: () => clock.now, ...rest });
  t.after(() => queries.close());
  return {
    w, store, queries, faults: hooks,
    get clock() {
      return clock.now;
    },
    set clock(now) {
      clock.now = now;
    },
    async happen(partition) {
      await w.append(turns([partition === 0 ? a : b], 1, "Added", { productId: "p", quantity: 1 }));
      return { log: "orders", logId: w.identity.logId, partition, position: w.head(partition) };
    },
    async apply(partition, generation = 1) {
      const projection = writer.projection(view, generation);
      const from = (await projection.checkpoints(counts))[partition]!;
      const events = w.events().filter((event) => event.partition === partition && event.position > from.position);
      const last = events.at(-1);
      if (last === undefined) return;
      assert.equal(await projection.apply(from, { ...from, position: last.position, eventId: last.id, logId: w.identity.logId }, events), "applied");
    },
    recordEnds: () => writer.recordEnds([0, 1].map((partition) => ({ log: "orders", partition, position: w.head(partition) })), [view]),
  };
}

const waitsIn = (s: Setting, count: number) => eventually(`${count} wait`, () => s.queries.waiting === count);
const quantity = (s: Setting, options: Parameters<QuerySide["get"]>[2]) => s.queries.get(view, "p", options).then((read) => read.value?.document["quantity"]);
const fails = <C extends ErrorCode>(code: C, check: (error: TidemarkError<C>) => boolean = () => true) => (error: unknown) => isTidemarkError(error, code) && check(error);

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
  assert.equal(settled, false, "the other part is not covered yet");
  const began = performance.now();
  await s.apply(1);
  assert.equal(await reading, 2);
  assert.ok(performance.now() - began < 200, "not by the fallback");
  assert.equal(s.queries.fallbackWakes, 0);
  assert.equal(s.queries.waiting, 0);
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
  going.resolve();
  assert.equal(await reading, 1);
  await other;
  assert.equal(s.queries.fallbackWakes, 0, "its own first look found it");
});

test("the fallback finds what no notification told, and counts it; it is not counted otherwise", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.queries.get(view, "p");
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
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.queries.get(view, "p");
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
  await assert.rejects(quantity(s, { token: [part], waitMs: 10 }), fails("READ_MODEL_BEHIND", ({ details }) => details.view === "product_stats" && details.waitedMs === 10 && details.ageMs === 3_000));
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
  const reading = quantity(s, { token: [part], waitMs: 100 });
  await waitsIn(s, 1);
  await s.queries.get(view, "p");
  const tell = s.w.read.checkpointMoved.tell;
  Object.assign(s.w.read.checkpointMoved, { tell: () => undefined });
  await s.apply(0);
  Object.assign(s.w.read.checkpointMoved, { tell });
  assert.equal(await reading, 1);
  assert.equal(s.queries.fallbackWakes, 0);
});

test("INVALID_TOKEN: what is no token, another log id, a partition that there is not, too many parts", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.apply(0);
  const other = { ...part, logId: "00000000-0000-4000-8000-00000000ffff" };
  const cases: readonly (readonly [NonNullable<ReadOptions["token"]>, RegExp])[] = [
    ["nonsense" as Token, /not made by this service/],
    [formatToken([other]), /log 'orders' is another one now/],
    [formatToken([{ ...part, partition: 2 }]), /has no partition 2/],
    [Array.from({ length: maxTokenParts + 1 }, (_, partition) => ({ ...part, log: "others", partition })), /more than 64 parts/],
  ];
  for (const [token, problem] of cases) {
    await assert.rejects(quantity(s, { token, waitMs: 0 }), fails("INVALID_TOKEN", (error) => problem.test(error.message)));
  }
});

test("another log id is noticed as soon as the log's is known, also where the monitor learnt the positions before the id", async (t) => {
  const s = await setting(t);
  await s.queries.get(view, "p");
  await s.happen(0);
  await s.happen(0);
  await s.apply(0);
  const foreign = { log: "orders", logId: "00000000-0000-4000-8000-00000000ffff", partition: 0, position: 1 };
  await assert.rejects(quantity(s, { token: [foreign], waitMs: 30_000 }), fails("INVALID_TOKEN"));
});

test("parts of logs that the view does not consume are ignored", async (t) => {
  const s = await setting(t);
  const part = await s.happen(0);
  await s.apply(0);
  const foreign = { ...part, log: "invoices", logId: "00000000-0000-4000-8000-00000000ffff", position: 99 };
  assert.equal(await quantity(s, { token: [part, foreign], waitMs: 0 }), 1);
});

test("a view that has no record of a token's partition yet waits", async (t) => {
  const s = await setting(t, { prepared: false });
  await s.store.ensure(view);
  const part = await s.happen(1);
  const reading = quantity(s, { token: [part], waitMs: 30_000 });
  await waitsIn(s, 1);
  await s.apply(1);
  assert.equal(await reading, 1);
});

test("a view without tables is unavailable, until they are there", async (t) => {
  const s = await setting(t, { prepared: false });
  await assert.rejects(quantity(s, {}), fails("UNAVAILABLE"));
  await s.store.ensure(view);
  assert.equal(await quantity(s, {}), undefined);
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
  assert.deepEqual((await reading).value.items.map((item) => item.document["quantity"]), [1]);
  await assert.rejects(s.queries.find(view, { where: { productId: "p" }, order: [], limit: 10 }), fails("INVALID_INPUT"));
});

test("a view that is not one of this service is named", async (t) => {
  const s = await setting(t);
  await assert.rejects(s.queries.get(orderSummaries, "o"), fails("INVALID_DEFINITION"));
});

test("stale and age: caught up, behind, and records that are too old", async (t) => {
  const s = await setting(t);
  const freshness = async () => {
    const { stale, ageMs } = await s.queries.get(view, "p");
    return { stale, ageMs };
  };
  s.clock += 500;
  assert.deepEqual(await freshness(), { stale: true, ageMs: 500 }, "nobody has recorded the ends: not known to be fresh, and its age counts from its birth");
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
  await s.store.recordEnds([0, 1].map((partition) => ({ log: "orders", partition, position: 0 })), [orderSummaries]);
  assert.equal((await s.queries.get(orderSummaries, "o")).stale, true);
  await s.store.recordEnds([0, 1].map((partition) => ({ log: "customers", partition, position: 0 })), [orderSummaries]);
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
