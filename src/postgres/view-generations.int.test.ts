import assert from "node:assert/strict";
import { once } from "node:events";
import { after as afterAll, before, describe, test } from "node:test";
import { z } from "zod";
import { logWriter, orders, orderSummaries, orderTotals } from "../../test/view-domain.ts";
import { after, applyAll, applyNext, assertFold, engines, feedLive, type StoreUnderTest } from "../../test/view-stores.ts";
import { view } from "../core/view.ts";
import type { CheckpointMoved } from "../runtime/ports.ts";

const simple = (name: string, version = 1) =>
  view(
    name,
    {
      version,
      document: version === 1 ? z.object({ count: z.int() }) : z.object({ label: z.string(), count: z.int() }),
      from: [orders],
      indexes: ["count"],
    },
    {
      create: { Created: () => ({ count: 0, label: "l" }) },
      on: { Added: (order, { data }) => ({ ...order, count: order.count + data.quantity }) },
    },
  );

const someOrders = (count: number) => {
  const log = logWriter("orders", 1);
  for (let i = 0; i < count; i++)
    log.add(`o${i % 7}`, i < 7 ? "Created" : "Added", i < 7 ? { customerId: null } : { productId: "p", quantity: 1 });
  return log.byPartition;
};

for (const [engine, open] of Object.entries(engines)) {
  describe(`generations on ${engine}`, () => {
    let under: StoreUnderTest;
    before(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under[Symbol.asyncDispose]();
    });

    test("the first generation is live at once, one of a new version is building, and each release reads its own", async () => {
      const { store } = under;
      const [v1, v2] = [simple("releases"), simple("releases", 2)];
      assert.equal(await store.current(v1), null);
      const first = await store.ensure(v1);
      assert.deepEqual(
        first.generations.map(({ view: name, generation, declaredVersion, state }) => [name, generation, declaredVersion, state]),
        [["releases", 1, 1, "live"]],
      );
      assert.equal(first.changed, false);
      assert.deepEqual(await store.ensure(v1), first);
      assert.equal((await store.ensure({ ...v1, hash: "other" })).changed, true);
      const second = await store.ensure(v2);
      assert.deepEqual(
        second.generations.map(({ generation, state }) => [generation, state]),
        [[2, "building"]],
      );
      assert.equal((await store.current(v1))?.generation, 1);
      assert.equal(await store.current(v2), null, "what is still being filled answers nobody");
      const extra = await store.create(v1);
      assert.deepEqual([extra.generation, extra.state], [3, "building"]);
      assert.equal((await store.current(v1))?.generation, 1);
      assert.match(extra.createdAt, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    });

    test("an old release that comes back after a newer one has taken over builds nothing", async () => {
      const { store } = under;
      const [v1, v2] = [simple("past"), simple("past", 2)];
      await store.ensure(v2);
      assert.deepEqual(await store.ensure(v1), { generations: [], changed: false });
      assert.equal(await store.current(v1), null);
      assert.equal((await store.current(v2))?.state, "live");
    });

    test("a switch needs the live generation's positions; the live one goes on as previous, an older previous one goes", async () => {
      const { store, database } = under;
      const v1 = simple("switched");
      const v2 = simple("switched", 2);
      const log = someOrders(20);
      const live = await feedLive(store, v1, 1);
      await applyAll(live, "orders", log, 8);
      await store.ensure(v2);
      await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
      const next = store.projection(v2, 2);
      await next.checkpoints(new Map([["orders", 1]]));
      const most = [log[0]!.slice(0, 19)];
      await applyAll(next, "orders", most, 50);
      await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
      await applyAll(next, "orders", log, 50);
      assert.deepEqual((await database.query({ text: "select sum(count)::int as sum from switched" })).rows, [{ sum: 13 }]);
      await store.switch(v2, 2);
      await store.switch(v2, 2);
      assert.deepEqual((await database.query({ text: "select label, sum(count)::int as sum from switched group by 1" })).rows, [
        { label: "l", sum: 13 },
      ]);
      const states = async () => (await store.status([v2]))[0]!.generations.map(({ generation, state }) => `${generation} ${state}`);
      assert.deepEqual(await states(), ["1 previous", "2 live"]);
      // back at once, and forth
      await store.switch(v1, 1);
      assert.deepEqual(await states(), ["1 live", "2 previous"]);
      const { generation } = await store.create(v1);
      const third = store.projection(v1, generation);
      await third.checkpoints(new Map([["orders", 1]]));
      await applyAll(third, "orders", log, 50);
      await store.switch(v1, generation);
      assert.deepEqual(await states(), ["1 previous", "2 retired", "3 live"]);
      await assert.rejects(store.get(v2, 2, ["o1"]), { code: "GENERATION_MOVED" });
      await assert.rejects(next.checkpoint("orders", 0), { code: "GENERATION_MOVED" });
      await assert.rejects(next.checkpoints(new Map([["orders", 1]])), { code: "GENERATION_MOVED" });
      await assert.rejects(store.switch(v2, 2), { code: "REBUILD_REFUSED" });
      await assert.rejects(store.retire(v1, generation), { code: "REBUILD_REFUSED" });
      await assert.rejects(store.retire(v1, 77), { code: "NOT_FOUND" });
      await store.retire(v1, 1);
      await store.retire(v1, 1);
      assert.equal((await store.ensure(v2)).generations[0]?.generation, 4);
      await assertFold(store, v1, generation, log.flat());
    });

    test("a generation that goes live takes the transport's hints that it has none of, of the same log alone", async () => {
      const { store } = under;
      const v = simple("hinted");
      const log = logWriter("orders", 3);
      for (let i = 0; i < 40; i++) log.add(`o${i}`, "Created", { customerId: null });
      const live = await feedLive(store, v, 3);
      const { generation } = await store.create(v);
      const next = store.projection(v, generation);
      await next.checkpoints(new Map([["orders", 3]]));
      const filled = [{ hint: null }, { hint: "own" }, { hint: null, logId: "another" }];
      for (const [p, events] of log.byPartition.entries()) {
        assert.ok(events.length > 1);
        await applyNext(live, await live.checkpoint("orders", p), events, 1);
        const from = await next.checkpoint("orders", p);
        assert.equal(await next.apply(from, { ...after(from, events), ...filled[p] }, events), "applied");
      }
      await store.switch(v, generation);
      const hints = [];
      for (const p of log.byPartition.keys()) hints.push((await next.checkpoint("orders", p)).hint);
      assert.deepEqual(hints, ["1", "own", null]);
      assert.equal((await next.checkpoint("orders", 0)).position, log.byPartition[0]!.length);
    });

    test("SQL users' own views keep working over a switch, or it is refused while they would not", async () => {
      const { store, database } = under;
      const v1 = simple("shown");
      const v2 = simple("shown", 2);
      await store.ensure(v1);
      await database.query({ text: "create view shown_by_user as select max(count)::int as most from shown" });
      const { generation } = await store.create(v1);
      const projection = store.projection(v1, generation);
      await projection.checkpoints(new Map([["orders", 1]]));
      await applyAll(projection, "orders", someOrders(9), 9);
      await store.switch(v1, generation);
      assert.deepEqual((await database.query({ text: "select * from shown_by_user" })).rows, [{ most: 1 }]);
      const { generations } = await store.ensure(v2);
      const next = store.projection(v2, generations[0]!.generation);
      await next.checkpoints(new Map([["orders", 1]]));
      await applyAll(next, "orders", someOrders(9), 9);
      await assert.rejects(
        store.switch(v2, next.generation),
        (error: Error & { code?: string }) => error.code === "REBUILD_REFUSED" && /depend on the SQL view 'shown'/.test(error.message),
      );
      assert.equal((await store.current(v1))?.generation, generation);
      await database.query({ text: "drop view shown_by_user" });
      await store.switch(v2, next.generation);
      assert.equal((await store.current(v2))?.state, "live");
    });

    test("tables of a retired generation are gone, those that referred views had too", async () => {
      const { store, database } = under;
      await store.ensure(orderSummaries);
      const { generation } = await store.create(orderSummaries);
      const tables = async () =>
        (
          await database.query<{ name: string }>({
            text: "select relname as name from pg_class where relkind = 'r' and relname like $1 order by 1",
            values: [`order\\_summaries\\_g${generation}%`],
          })
        ).rows.map(({ name }) => name);
      assert.deepEqual(await tables(), [`order_summaries_g${generation}`, `order_summaries_g${generation}__customer_cards`]);
      await store.retire(orderSummaries, generation);
      assert.deepEqual(await tables(), []);
    });

    test("waiters are woken, in this process and in others", async () => {
      const { store } = under;
      const other = await under.second();
      const heard = new EventTarget();
      const moves: (CheckpointMoved | undefined)[] = [];
      const listeners = [store, ...(other === null ? [] : [other.store])];
      const stops = [];
      for (const one of listeners) {
        stops.push(
          await one.onCheckpoint((moved) => {
            moves.push(moved);
            if (moves.length === listeners.length) heard.dispatchEvent(new Event("all"));
          }),
        );
        stops.push(await one.onGenerations(() => heard.dispatchEvent(new Event(one === store ? "own" : "others"))));
      }
      const made = [once(heard, "own"), ...(other === null ? [] : [once(heard, "others")])];
      await store.ensure(simple("waking"));
      await Promise.all(made);
      const projection = await feedLive(store, simple("waking"), 1);
      const all = once(heard, "all");
      await applyNext(projection, await projection.checkpoint("orders", 0), someOrders(3)[0]!, 2);
      await all;
      for (const moved of moves) assert.deepEqual(moved, { view: "waking", generation: 1, log: "orders", partition: 0, position: 2 });
      for (const stop of stops) await stop();
      await other?.[Symbol.asyncDispose]();
    });
  });
}

describe("generations, several processes", () => {
  let under: StoreUnderTest;
  let others: StoreUnderTest[];
  before(async () => {
    under = await engines.postgres();
    others = [under, (await under.second())!, (await under.second())!];
  });
  afterAll(async () => {
    for (const one of others.toReversed()) await one[Symbol.asyncDispose]();
  });

  test("ensure and migrate at once make one generation", async () => {
    const v = simple("raced");
    await Promise.all(others.map(({ store }) => store.migrate({ ddl: true })));
    const answers = await Promise.all(others.flatMap(({ store }) => [store.ensure(v), store.ensure(v)]));
    for (const { generations } of answers)
      assert.deepEqual(
        generations.map(({ generation, state }) => [generation, state]),
        [[1, "live"]],
      );
    const made = await Promise.all(others.map(({ store }) => store.create(v)));
    assert.deepEqual(new Set(made.map(({ generation }) => generation)), new Set([2, 3, 4]));
  });

  test("indexes that were put off are made once, whoever makes them; none for a generation that is gone", async () => {
    const v = simple("indexed");
    await under.store.ensure(v);
    for (let i = 0; i < 5; i++) {
      const { generation } = await under.store.create(v);
      const projections = others.map(({ store }) => store.projection(v, generation));
      await Promise.all(projections.flatMap((each) => [each.loaded!(), each.loaded!()]));
      const { rows } = await under.database.query({
        text: "select indexname as name from pg_indexes where tablename = $1 and indexname like '%\\_by\\_%'",
        values: [`indexed_g${generation}`],
      });
      assert.deepEqual(rows, [{ name: `indexed_g${generation}_by_count` }]);
    }
    const { generation } = await under.store.create(v);
    await under.store.retire(v, generation);
    await assert.rejects(under.store.projection(v, generation).loaded!(), { code: "GENERATION_MOVED" });
  });

  test("a switch under reads and applies: every read is whole, nobody reads a generation that is not there without being told", async () => {
    const v = simple("busy");
    const log = someOrders(400);
    const [first, second] = [others[0]!.store, others[1]!.store];
    const live = await feedLive(first, v, 1);
    await applyAll(live, "orders", [log[0]!.slice(0, 50)], 50);
    const running = { on: true };
    let reads = 0;
    const reader = async (store: typeof first) => {
      let position = 0;
      while (running.on) {
        const current = await store.current(v);
        assert.ok(current !== null);
        try {
          const page = await store.find(v, current.generation, { where: {}, order: [{ field: "count", direction: "desc" }], limit: 10 });
          const sum = page.items.reduce((n, { document }) => n + (document["count"] as number), 0);
          assert.equal(page.items.length, 7);
          reads += 1;
          // read while it was live; a previous one may be fed further than the one that is live now
          if ((await store.current(v))?.generation !== current.generation) continue;
          assert.ok(sum >= position, `${sum} after ${position}`);
          position = sum;
        } catch (error) {
          if ((error as { code?: string }).code !== "GENERATION_MOVED") throw error;
        }
      }
    };
    const readers = [reader(first), reader(second), reader(others[2]!.store)];
    const fed = new Map([[1, live]]);
    const feed = async (limit: number) => {
      for (const [generation, projection] of fed) {
        try {
          await applyNext(projection, await projection.checkpoint("orders", 0), log[0]!, limit);
        } catch (error) {
          if ((error as { code?: string }).code !== "GENERATION_MOVED") throw error;
          fed.delete(generation);
        }
      }
    };
    const ended = Promise.all(readers);
    for (let i = 0; i < 6; i++) {
      const { generation } = await second.create(v);
      const projection = second.projection(v, generation);
      await projection.checkpoints(new Map([["orders", 1]]));
      fed.set(generation, projection);
      for (let step = 0; step < 8; step++) await feed(10);
      await applyAll(projection, "orders", [log[0]!.slice(0, (await [...fed.values()][0]!.checkpoint("orders", 0)).position)], 500);
      await Promise.all([
        second.switch(v, generation).catch((error: { code?: string }) => assert.equal(error.code, "REBUILD_REFUSED")),
        feed(10),
      ]);
    }
    running.on = false;
    await ended;
    assert.ok(reads > 20, String(reads));
    const states = (await first.status([v]))[0]!.generations.map(({ state }) => state);
    assert.equal(states.filter((state) => state === "live").length, 1);
    assert.ok(states.filter((state) => state === "previous").length <= 1);
    assert.ok(states.includes("retired"));
  });

  test("a second opinion: two processes end recording the same ends without a deadlock", async () => {
    await others[0]!.store.ensure(orderTotals);
    const ends = Array.from({ length: 20 }, (_, partition) => ({ log: "orders", partition, position: partition }));
    await Promise.all(
      others.flatMap(({ store }, i) =>
        Array.from({ length: 10 }, () => store.recordEnds(i === 1 ? ends.toReversed() : ends, [orderTotals])),
      ),
    );
    assert.equal((await others[0]!.store.status([orderTotals]))[0]!.ends.length, 20);
  });
});
