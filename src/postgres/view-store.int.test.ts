import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import { allViews, eventsOf, logWriter, orderSummaries, orderTotals, productStats, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, applyNext, assertFold, engines, feedLive, type StoreUnderTest } from "../../test/view-stores.ts";
import type { TidemarkError } from "../errors.ts";

for (const [engine, open] of Object.entries(engines)) {
  describe(`view store on ${engine}`, () => {
    let under: StoreUnderTest;
    before(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under[Symbol.asyncDispose]();
    });

    test("random batches of every kind of view give what a fresh fold gives", async () => {
      const { store } = under;
      for (const seed of [1, 2]) {
        const logs = randomLogs(random(seed), { partitions: 2, orders: 12, customers: 3, orderEvents: 250, customerEvents: 60 });
        for (const view of allViews) {
          await store.ensure(view);
          const { generation } = await store.create(view);
          const projection = store.projection(view, generation);
          await projection.checkpoints(new Map(view.logs.map((log) => [log, 2])));
          const half = logs.orders.map((events) => events.slice(0, events.length / 2));
          await applyAll(projection, "orders", half, 7);
          if (view.logs.includes("customers")) await applyAll(projection, "customers", logs.customers, 5);
          await applyAll(projection, "orders", logs.orders, 50);
          await assertFold(store, view, generation, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
        }
      }
    });

    for (const view of [orderTotals, orderSummaries, productStats]) {
      test(`${view.name}: a stale checkpoint, another event or another declared version writes nothing`, async () => {
        const { store } = under;
        await store.ensure(view);
        const { generation } = await store.create(view);
        const projection = store.projection(view, generation);
        await projection.checkpoints(new Map(view.logs.map((log) => [log, 1])));
        const log = logWriter("orders", 1);
        const first = [log.add("a", "Created", { customerId: null }), log.add("a", "Added", { productId: "p", quantity: 2 })];
        const second = [log.add("a", "Added", { productId: "p", quantity: 3 })];
        const start = await projection.checkpoint("orders", 0);
        const next = after(start, first);
        assert.equal(await projection.apply(start, next, first), "applied");
        assert.equal(await projection.apply(start, next, first), "moved");
        assert.equal(await projection.apply({ ...next, eventId: "other" }, after(next, second), second), "moved");
        const newer = store.projection({ ...view, version: 7 }, generation);
        assert.equal(await newer.apply(next, after(next, second), second), "moved");
        assert.deepEqual(await projection.checkpoint("orders", 0), next);
        await assertFold(store, view, generation, first);
        assert.equal(await projection.apply(next, after(next, second), second), "applied");
        await assertFold(store, view, generation, [...first, ...second]);
        await store.retire(view, generation);
        assert.equal(await projection.apply(after(next, second), after(next, second), second), "moved");
      });

      test(`${view.name}: a failing handler names its event and writes nothing; a stale batch that fails has moved`, async () => {
        const { store } = under;
        await store.ensure(view);
        const { generation } = await store.create(view);
        const log = logWriter("orders", 1);
        const events = [
          log.add("a", "Created", { customerId: null }),
          log.add("a", "Added", { productId: "p", quantity: 2 }),
          log.add("a", "Added", { productId: "p", quantity: 3 }),
        ];
        const failing: typeof view = {
          ...view,
          fold(current, event, key) {
            if (event.position === 2) throw new Error("no such thing");
            return view.fold(current, event, key);
          },
        };
        const projection = store.projection(failing, generation);
        await projection.checkpoints(new Map(view.logs.map((name) => [name, 1])));
        const start = await projection.checkpoint("orders", 0);
        await assert.rejects(projection.apply(start, after(start, events), events), (error: TidemarkError) => {
          assert.equal(error.code, "HANDLER_FAILED");
          assert.deepEqual(error.details, {
            view: view.name,
            type: "Added",
            log: "orders",
            partition: 0,
            position: 2,
            problem: "no such thing",
          });
          return true;
        });
        assert.deepEqual(await projection.checkpoint("orders", 0), start);
        await assertFold(store, view, generation, []);
        assert.equal(await applyNext(projection, start, events, 1), "applied");
        assert.equal(await projection.apply(start, after(start, events), events), "moved");
      });
    }

    test("what a column cannot hold is the event's fault, not the database's", async () => {
      const { store } = under;
      const projection = await feedLive(store, orderTotals, 1);
      const log = logWriter("orders", 1);
      const bad: [string, unknown][] = [
        ["fractional", { count: 1.5, paid: true, customerId: null }],
        ["text", { count: 1, paid: true, customerId: "\0" }],
        ["missing", { count: 1, customerId: null }],
        ["long", { count: 1, paid: true, customerId: null }],
      ];
      for (const [name, document] of bad) {
        const stream = name === "long" ? "k".repeat(3_000) : name;
        const event = log.add(stream, "Created", { customerId: null });
        const view = { ...orderTotals, fold: () => document as Record<string, unknown> };
        const failing = store.projection(view, projection.generation);
        const from = await failing.checkpoint("orders", 0);
        await assert.rejects(failing.apply(from, after(from, [event]), [event]), { code: "HANDLER_FAILED" }, name);
      }
    });

    test("a document comes back as it was given: absent, null and unknown fields", async () => {
      const { store } = under;
      await store.ensure(orderSummaries);
      const { generation } = await store.create(orderSummaries);
      const documents: Record<string, unknown>[] = [
        { customerId: null, status: "OPEN", items: [], count: 0 },
        { customerId: null, status: "OPEN", items: [], count: -3, method: null, weight: 0.1 },
        {
          customerId: null,
          status: "OPEN",
          items: [{ productId: "'\"\\ü{}\u0000", quantity: 1 }],
          count: Number.MAX_SAFE_INTEGER,
          method: "",
          extra: { deep: [null, "x"] },
        },
      ];
      const log = logWriter("orders", 1);
      const events = documents.map((_, i) => log.add(`d${i}`, "Created", { customerId: null }));
      const projection = store.projection({ ...orderSummaries, fold: (_, event) => documents[event.position - 1]! }, generation);
      await projection.checkpoints(new Map(orderSummaries.logs.map((name) => [name, 1])));
      assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 10), "applied");
      const found = await store.get(orderSummaries, generation, ["d2", "none", "d0", "d1", "\0"]);
      assert.deepEqual(
        found.map((one) => one?.document),
        [
          { ...documents[2], customerName: null },
          undefined,
          { ...documents[0], customerName: null },
          { ...documents[1], customerName: null },
          undefined,
        ],
      );
    });

    test("a failure is written down and cleared by the next apply", async () => {
      const { store } = under;
      await store.ensure(orderTotals);
      const { generation } = await store.create(orderTotals);
      const projection = store.projection(orderTotals, generation);
      await projection.checkpoints(new Map([["orders", 2]]));
      const failure = { log: "orders", partition: 0, position: 1, problem: "it's broken", at: "2026-01-01T00:00:00.000Z" };
      const failures = async () => (await store.status([orderTotals]))[0]!.generations.find((g) => g.generation === generation)!.failures;
      await projection.recordFailure("orders", 0, failure);
      assert.deepEqual(await failures(), [failure]);
      await projection.recordFailure("orders", 0, null);
      assert.deepEqual(await failures(), []);
      await projection.recordFailure("orders", 0, failure);
      const events = [logWriter("orders", 1).add("a", "Noted", {})];
      assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 1), "applied");
      assert.deepEqual(await failures(), []);
    });

    test("ends, their age, and since when a generation is caught up", async () => {
      const { store } = under;
      await store.ensure(orderTotals);
      const { generation } = await store.create(orderTotals);
      const projection = store.projection(orderTotals, generation);
      await projection.checkpoints(new Map([["orders", 2]]));
      const status = async () => (await store.status([orderTotals]))[0]!;
      const ends = [0, 1].map((partition) => ({ log: "orders", partition, position: partition === 0 ? 1 : 0 }));
      await store.recordEnds(ends, [orderTotals]);
      assert.equal((await status()).caughtUpAgoMs.has(generation), false);
      const events = [logWriter("orders", 1).add("a", "Noted", {})];
      assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 1), "applied");
      await store.recordEnds([{ log: "orders", partition: 0, position: 0 }, ends[1]!], [orderTotals]);
      const now = await status();
      assert.deepEqual(
        now.ends.map(({ log, partition, position }) => ({ log, partition, position })),
        ends,
      );
      for (const { ageMs } of now.ends) assert.ok(ageMs >= 0 && ageMs < 10_000, String(ageMs));
      const ago = now.caughtUpAgoMs.get(generation)!;
      assert.ok(ago >= 0 && ago < 10_000, String(ago));
      const { checkpoints } = now.generations.find((g) => g.generation === generation)!;
      assert.deepEqual(
        checkpoints.map(({ partition, position, logId }) => [partition, position, logId]),
        [
          [0, 1, "id of orders"],
          [1, 0, null],
        ],
      );
    });
  });
}
