/** Rollups on both engines: groups against a plain recomputation, queries, generations, versions, and what must fail without an effect. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { z } from "zod";
import { allRollups, assertGroups, byCustomer, byHour, measured, plainGroups } from "../../test/rollup-domain.ts";
import { logWriter, orders, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, engines, feedLive, type StoreUnderTest } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { avg, count, day, sum } from "../core/rollup-measures.ts";
import { rollup } from "../core/rollup.ts";
import { view } from "../core/view.ts";
import { isTidemarkError } from "../errors.ts";
import { memoryViewStore, readDatabase } from "../memory/index.ts";
import type { FindQuery, ViewProjection } from "../runtime/ports.ts";

const partitions = 3;

/** In batches of random size, partitions in a random order, some batches twice. */
async function applyRandomly(projection: ViewProjection, log: readonly (readonly LogEvent[])[], seed: number): Promise<void> {
  const r = random(seed);
  const open = new Set(log.keys());
  while (open.size > 0) {
    const partition = r.pick([...open]);
    const events = log[partition]!;
    const from = await projection.checkpoint("orders", partition);
    const batch = events.slice(from.position, from.position + 1 + r.below(r.below(2) === 0 ? 5 : 120));
    if (batch.length === 0) {
      open.delete(partition);
      continue;
    }
    const to = after(from, batch);
    assert.equal(await projection.apply(from, to, batch), "applied");
    if (r.below(6) === 0) assert.equal(await projection.apply(from, to, batch), "moved", "a batch that comes twice counts once");
  }
}

for (const [engine, open] of Object.entries(engines)) {
  describe(`rollups on ${engine}`, () => {
    const onStore = (name: string, work: (under: StoreUnderTest) => Promise<void>): void => {
      void test(name, async () => {
        await using under = await open();
        await work(under);
      });
    };

    onStore("random batches give the groups of a plain recomputation", async ({ store }) => {
      for (const each of allRollups) {
        const live = await feedLive(store, each, partitions);
        for (let seed = 1; seed <= 4; seed++) {
          const logs = randomLogs(random(seed), { partitions, orders: 5 * seed, customers: 3 * seed, orderEvents: 250, customerEvents: 1 });
          const projection = seed === 1 ? live : store.projection(each, (await store.create(each)).generation);
          await projection.checkpoints(new Map([["orders", partitions]]));
          await applyRandomly(projection, logs.orders, seed);
          await assertGroups(store, each, projection.generation, logs.orders.flat());
        }
      }
    });

    onStore("groups are found by conditions, in order and page by page, as in memory", async ({ store }) => {
      const memory = memoryViewStore(readDatabase());
      const logs = randomLogs(random(7), { partitions, orders: 60, customers: 25, orderEvents: 600, customerEvents: 1 });
      for (const each of allRollups) {
        for (const one of [store, memory]) await applyAll(await feedLive(one, each, partitions), "orders", logs.orders, 200);
        const r = random(11);
        const groups = [...plainGroups(each, logs.orders.flat()).values()];
        for (let i = 0; i < 40; i++) await samePages(each, randomQuery(each, groups, r));
      }

      async function samePages(each: AnyView, query: FindQuery): Promise<void> {
        let next: FindQuery = query;
        for (;;) {
          const [found, expected] = [await store.find(each, 1, next), await memory.find(each, 1, next)];
          assert.deepEqual(found, expected, JSON.stringify(next));
          if (found.next === null) return;
          next = { ...query, after: found.next };
        }
      }
      for (const one of [store, memory])
        await assert.rejects(one.find(byCustomer, 1, { where: { orders: 1 }, order: [], limit: 1 }), { code: "INVALID_INPUT" });
    });

    onStore("a group without documents is not found, and comes back with the next one", async ({ store }) => {
      const live = await feedLive(store, byHour, partitions);
      const log = logWriter("orders", partitions);
      const apply = (events: readonly LogEvent[]) => applyEach(live, events);
      const check = () => assertGroups(store, byHour, 1, log.byPartition.flat());
      await apply([log.add("o-1", "Created", { customerId: "c" }), log.add("o-1", "Added", { productId: "p", quantity: 2 })]);
      await check();
      await apply([log.add("o-1", "Erased", {})]);
      assert.deepEqual((await store.find(byHour, 1, { where: {}, order: [], limit: 9 })).items, []);
      await apply([log.add("o-1", "Created", { customerId: "c" })]);
      await check();
      await apply([log.add("o-1", "Paid", { method: "card" })]);
      await check();
    });

    onStore("what cannot be measured names its event and writes nothing", async ({ store }) => {
      const live = await feedLive(store, byCustomer, partitions);
      const log = logWriter("orders", partitions);
      const first = [log.add("o-1", "Created", { customerId: "c-1" })];
      await applyEach(live, first);
      const from = await live.checkpoint("orders", first[0]!.partition);
      const wrong = [log.add("o-1", "Added", { productId: "p", quantity: 1 }), log.add("o-1", "Moved", { customerId: "c".repeat(1_201) })];
      await assert.rejects(live.apply(from, after(from, wrong), wrong), (error: Error) => {
        assert.ok(isTidemarkError(error, "HANDLER_FAILED"));
        assert.deepEqual([error.details["type"], error.details["position"]], ["Moved", 3]);
        return true;
      });
      await assertGroups(store, byCustomer, 1, first);
      assert.deepEqual(await live.checkpoint("orders", first[0]!.partition), from);
    });

    onStore("sums are exact beyond 2^53, averages from the exact sum, a half away from zero", async ({ store }) => {
      const live = await feedLive(store, sums, partitions);
      const most = Number.MAX_SAFE_INTEGER;
      const cases: readonly (readonly [readonly number[], Readonly<Record<string, unknown>>])[] = [
        [
          [most, most, most - 1],
          { exact: "27021597764222972", near: 27021597764222972, average: "9007199254740990.67", whole: 9007199254740991 },
        ],
        [[0.1, 0.2, 1e-7], { exact: "0.3000001", near: 0.3000001, average: "0.10", whole: 0 }],
        [[-1.005, -0.005], { exact: "-1.01", near: -1.01, average: "-0.51", whole: -1 }],
        [[1e21, 1e-9, 0], { exact: "1000000000000000000000.000000001", near: 1e21, average: "333333333333333333333.33", whole: 1e21 / 3 }],
        [[0.5, 0.4999999999999999], { exact: "0.9999999999999999", near: 0.9999999999999999, average: "0.50", whole: 0 }],
      ];
      const log = logWriter("orders", partitions);
      for (const [i, [amounts]] of cases.entries())
        await applyEach(
          live,
          amounts.map((amount, n) => log.add(`o-${i}-${n}`, "Created", { customerId: `${i}/${amount}` })),
        );
      for (const [i, [amounts, expected]] of cases.entries()) {
        const [group] = await store.get(sums, 1, [String(i)]);
        assert.deepEqual(group?.document, { name: String(i), n: amounts.length, ...expected });
      }
    });

    onStore("generations are made, switched and dropped with all that they have", async ({ store, database }) => {
      const logs = randomLogs(random(3), { partitions, orders: 20, customers: 5, orderEvents: 200, customerEvents: 1 });
      await applyAll(await feedLive(store, byHour, partitions), "orders", logs.orders, 50);
      const { generation } = await store.create(byHour);
      const next = store.projection(byHour, generation);
      await next.checkpoints(new Map([["orders", partitions]]));
      assert.equal(next.load?.(await next.checkpoint("orders", 0), { keep: { documents: 1, bytes: 1 } }), null, "apply does it all");
      await assert.rejects(store.switch(byHour, generation), { code: "REBUILD_REFUSED" });
      await applyAll(next, "orders", logs.orders, 10_000);
      await next.loaded?.();
      await store.switch(byHour, generation);
      await assertGroups(store, byHour, generation, logs.orders.flat());
      const { rows } = await database.query({
        text: "select hour, status, orders::int as orders, amount from by_hour order by hour, status",
      });
      const shown = await store.find(byHour, generation, {
        where: {},
        order: [
          { field: "hour", direction: "asc" },
          { field: "status", direction: "asc" },
        ],
        limit: 100,
      });
      assert.deepEqual(
        rows,
        shown.items.map(({ document }) => document),
      );
      await store.retire(byHour, 1);
      await assert.rejects(store.get(byHour, 1, ["x"]), { code: "GENERATION_MOVED" });
      const left = await database.query<{ name: string }>({
        text: "select c.relname::text as name from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relname like 'by\\_hour%' and c.relkind in ('r', 'v') order by 1",
      });
      assert.deepEqual(
        left.rows.map(({ name }) => name),
        ["by_hour", "by_hour_g2", "by_hour_g2__groups", "by_hour_g2__rows"],
      );
    });

    onStore(
      "another declared version writes nothing; another definition under the same one is noticed, and takes back what the old one added",
      async ({ store }) => {
        const live = await feedLive(store, byHour, partitions);
        const log = logWriter("orders", partitions);
        const made = [0, 1, 2, 3].map((i) => log.add(`o-${i}`, "Created", { customerId: "c" }));
        const more = made.map(({ stream }) => log.add(stream, "Added", { productId: "p", quantity: 3 }));
        await applyEach(live, [...made, ...more]);
        const newer: AnyView = { ...byHour, version: 2 };
        const from = await live.checkpoint("orders", made[0]!.partition);
        const event = log.add(made[0]!.stream, "Paid", { method: "card" });
        assert.equal(await store.projection(newer, 1).apply(from, after(from, [event]), [event]), "moved");
        await assertGroups(store, byHour, 1, [...made, ...more]);

        const other = rollup("by_hour", {
          document: byHour.document as typeof otherDocument,
          of: measured,
          by: { hour: day("at"), status: "status" },
          measures: { orders: count({ where: { quantity: 1 } }), amount: sum("quantity") },
        });
        assert.equal((await store.ensure(other)).changed, true);
        const erased = made.map(({ stream }) => log.add(stream, "Erased", {}));
        await applyEach(store.projection(other, 1), [event, ...erased]);
        assert.deepEqual((await store.find(other, 1, { where: {}, order: [], limit: 9 })).items, []);
      },
    );
  });
}

const otherDocument = z.object({ hour: z.string(), status: z.enum(["OPEN", "PAID"]), orders: z.int(), amount: z.string() });

const amounts = view(
  "amounts",
  { document: z.object({ name: z.string(), amount: z.number() }), from: [orders] },
  {
    create: {
      Created: ({ data }) => {
        const [name = "", amount = ""] = (data.customerId ?? "").split("/");
        return { name, amount: Number(amount) };
      },
    },
    on: {},
  },
);
const sums = rollup("sums", {
  document: z.object({ name: z.string(), n: z.int(), exact: z.string(), near: z.number(), average: z.string(), whole: z.int() }),
  of: amounts,
  by: { name: "name" },
  measures: { n: count(), exact: sum("amount"), near: sum("amount"), average: avg("amount", { digits: 2 }), whole: avg("amount") },
});

/** Each partition's events in one batch, in their order. */
async function applyEach(projection: ViewProjection, events: readonly LogEvent[]): Promise<void> {
  for (const partition of new Set(events.map((event) => event.partition))) {
    const from = await projection.checkpoint("orders", partition);
    const batch = events.filter((event) => event.partition === partition);
    assert.equal(await projection.apply(from, after(from, batch), batch), "applied");
  }
}

type R = ReturnType<typeof random>;
function randomQuery(definition: AnyView, groups: readonly { readonly document: Readonly<Record<string, unknown>> }[], r: R): FindQuery {
  const dimensions = Object.keys(definition.rollup!.by);
  const valueOf = (field: string) => r.pick(groups).document[field] as string | number;
  const conditionOf = (field: string) =>
    r.pick([
      () => valueOf(field),
      () => ({ not: valueOf(field) }),
      () => ({ gte: valueOf(field) }),
      () => ({ lt: valueOf(field) }),
      () => ({ in: [valueOf(field), valueOf(field)] }),
    ])();
  return {
    where: Object.fromEntries(dimensions.filter(() => r.below(2) === 0).map((field) => [field, conditionOf(field)])),
    order: dimensions.filter(() => r.below(2) === 0).map((field) => ({ field, direction: r.pick(["asc", "desc"] as const) })),
    limit: 1 + r.below(7),
  };
}
