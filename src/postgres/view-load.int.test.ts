/** Bulk loads: what is loaded is what a fresh fold gives, whatever the cuts, the crashes and the rivals. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import { z } from "zod";
import { eventsOf, logWriter, orderSummaries, orders, orderTotals, productStats, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, assertFold, engines, feedLive, kept, type StoreUnderTest } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { view } from "../core/view.ts";
import { isTidemarkError } from "../errors.ts";
import type { PartitionLoad, ViewProjection } from "../runtime/ports.ts";

const partitions = 2;
const keepAll = kept(1_000);

async function building(under: StoreUnderTest, one: AnyView): Promise<ViewProjection> {
  await under.store.ensure(one);
  const { generation } = await under.store.create(one);
  const projection = under.store.projection(one, generation);
  await projection.checkpoints(new Map(one.logs.map((log) => [log, partitions])));
  return projection;
}

async function loadOf(projection: ViewProjection, partition: number, options = keepAll): Promise<PartitionLoad> {
  const load = projection.load!(await projection.checkpoint("orders", partition), options);
  assert.ok(load !== null);
  return load;
}

async function loadAll(projection: ViewProjection, events: readonly LogEvent[], partition: number): Promise<void> {
  const load = await loadOf(projection, partition);
  const rest = events.slice(load.checkpoint.position);
  if (rest.length === 0) return;
  await load.add(rest, after(load.checkpoint, rest));
  assert.equal(await load.flush(), "applied");
}

const odd = [
  "",
  "null",
  "\\N",
  "\\.",
  "a\tb",
  "a\nb",
  "a\r\nb\\",
  "\\t",
  '"quoted"',
  "it's",
  "{}",
  "é\u{10000}\uffee",
  " ",
  "\u0001\u0008\u000b\u007f",
  "x".repeat(3_000),
];
const oddities = view(
  "oddities",
  {
    document: z.object({
      text: z.string().nullable(),
      maybe: z.string().nullish(),
      whole: z.int().nullable(),
      number: z.number().optional(),
      flag: z.boolean().nullable(),
      json: z.json(),
      list: z.array(z.json()).optional(),
    }),
    from: [orders],
    indexes: ["whole"],
  },
  { create: { Noted: ({ data }) => data as never }, on: { Added: (_, { data }) => data as never } },
);
const oddDocuments: readonly Record<string, unknown>[] = [
  ...odd.map((text) => ({ text, maybe: text, whole: 1, flag: true, json: { [text]: text }, list: [text, null], beyond: text })),
  { text: null, maybe: null, whole: null, flag: null, json: null },
  { text: "t", whole: Number.MAX_SAFE_INTEGER, number: 5e-324, flag: false, json: [] },
  { text: "t", whole: Number.MIN_SAFE_INTEGER, number: 1.7976931348623157e308, flag: false, json: "\\\n" },
  { text: "t", whole: 0, number: 0.1 + 0.2, flag: false, json: 1e21, list: [] },
  { text: "t", whole: -1, number: -1e-7, flag: false, json: false, beyond: { a: null } },
];

for (const [engine, open] of Object.entries(engines)) {
  describe(`bulk loads on ${engine}`, () => {
    let under: StoreUnderTest;
    before(async () => {
      under = await open();
    });
    afterAll(async () => {
      await under[Symbol.asyncDispose]();
    });

    for (const one of [orderTotals, orderSummaries]) {
      test(`random cuts, flushes and restarts of ${one.name} give what a fresh fold gives`, async () => {
        for (let seed = 1; seed <= 8; seed++) {
          const r = random(seed);
          const projection = await building(under, one);
          const logs = randomLogs(r, { partitions, orders: r.pick([5, 40, 200]), customers: 30, orderEvents: 400, customerEvents: 150 });
          if (one.logs.includes("customers")) await applyAll(projection, "customers", logs.customers, 60);
          for (const [partition, events] of logs.orders.entries()) {
            const keep = kept(r.pick([0, 3, 1_000]));
            let load = await loadOf(projection, partition, keep);
            let to = load.checkpoint;
            let flushing: Promise<unknown> = Promise.resolve();
            while (to.position < events.length) {
              const next = events.slice(to.position, to.position + 1 + r.below(r.pick([3, 60])));
              to = after(to, next);
              await load.add(next, to);
              if (r.below(4) > 0) continue;
              await flushing;
              if (r.below(6) === 0) {
                // what is held and not written is lost with its process
                load = await loadOf(projection, partition, keep);
                to = load.checkpoint;
              } else flushing = load.flush().then((outcome) => assert.equal(outcome, "applied"));
            }
            await flushing;
            assert.equal(await load.flush(), "applied");
            assert.equal(await load.flush(), "applied", "nothing to do");
            assert.equal((await projection.checkpoint("orders", partition)).position, events.length);
            assert.deepEqual(load.checkpoint, await projection.checkpoint("orders", partition));
          }
          await assertFold(under.store, one, projection.generation, one.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
        }
      });
    }

    test("values that a copy must escape come back as they were, when they are new and when they are written again", async () => {
      const projection = await building(under, oddities);
      const log = logWriter("orders", partitions);
      for (const [i, document] of oddDocuments.entries()) log.add(`${odd[i % odd.length]!.slice(0, 50)}-${i}`, "Noted", document);
      for (const [p, events] of log.byPartition.entries()) await loadAll(projection, events, p);
      await assertFold(under.store, oddities, projection.generation, log.byPartition.flat());
      for (const i of oddDocuments.keys())
        log.add(`${odd[i % odd.length]!.slice(0, 50)}-${i}`, "Added", oddDocuments[(i + 1) % oddDocuments.length]);
      for (const [p, events] of log.byPartition.entries()) await loadAll(projection, events, p);
      await assertFold(under.store, oddities, projection.generation, log.byPartition.flat());
    });

    test("a stream that was erased and comes back is written once, in one flush and over several", async () => {
      for (const apart of [true, false]) {
        const projection = await building(under, orderTotals);
        const log = logWriter("orders", partitions);
        const load = await loadOf(projection, log.add("s", "Created", { customerId: null }).partition, kept(apart ? 0 : 9));
        let to = load.checkpoint;
        const events = log.byPartition[to.partition]!;
        for (const type of ["Erased", "Created", "Paid", "Erased", "Created"]) log.add("s", type, { customerId: null });
        for (const event of events) {
          to = after(to, [event]);
          await load.add([event], to);
          if (apart) assert.equal(await load.flush(), "applied");
        }
        assert.equal(await load.flush(), "applied");
        await assertFold(under.store, orderTotals, projection.generation, events);
      }
    });

    test("nothing but documents by stream, of the view's own log, is loaded in bulk", async () => {
      const summaries = await building(under, orderSummaries);
      assert.equal(summaries.load!(await summaries.checkpoint("customers", 0), keepAll), null);
      const stats = await building(under, productStats);
      assert.equal(stats.load!(await stats.checkpoint("orders", 0), keepAll), null);
    });

    test("an event that a handler fails on, and a document that does not fit, are named, and the load is spent", async () => {
      const failing = view(
        "failing",
        { document: z.object({ text: z.string() }), from: [orders], indexes: ["text"] },
        {
          create: { Created: () => ({ text: "" }) },
          on: {
            Paid: () => {
              throw new Error("no payment");
            },
            Noted: () => ({ text: "x".repeat(5_000) }),
          },
        },
      );
      const projection = await building(under, failing);
      const log = logWriter("orders", partitions);
      for (const type of ["Created", "Noted", "Created", "Paid"]) log.add("s", type, {});
      const events = log.byPartition.find((each) => each.length > 0)!;
      const named = (position: number) => (error: unknown) =>
        isTidemarkError(error, "HANDLER_FAILED") && error.details.position === position && error.details.partition === events[0]!.partition;
      const first = await loadOf(projection, events[0]!.partition);
      await assert.rejects(first.add(events, after(first.checkpoint, events)), named(4));
      await assert.rejects(first.flush(), /spent/);
      const second = await loadOf(projection, events[0]!.partition);
      const two = events.slice(0, 2);
      await second.add(two, after(second.checkpoint, two));
      await assert.rejects(second.flush(), named(2));
      await assert.rejects(second.add(events.slice(2, 3), after(second.checkpoint, events.slice(2, 3))), /spent/);
      assert.equal((await projection.checkpoint("orders", events[0]!.partition)).position, 0);
      assert.deepEqual(second.held(), { documents: 0, bytes: 0 });
    });

    test("a load whose checkpoint another one moved writes nothing and is spent", async () => {
      for (const one of [orderTotals, orderSummaries]) {
        const projection = await building(under, one);
        const log = logWriter("orders", partitions);
        const { partition } = log.add("s", "Created", { customerId: null });
        log.add("s", "Paid", { method: "card" });
        log.add("s", "Added", { productId: "p", quantity: 2 });
        const events = log.byPartition[partition]!;
        const [late, rival] = [await loadOf(projection, partition), await loadOf(projection, partition)];
        await late.add(events.slice(0, 1), after(late.checkpoint, events.slice(0, 1)));
        await rival.add(events.slice(0, 2), after(rival.checkpoint, events.slice(0, 2)));
        assert.equal(await rival.flush(), "applied");
        assert.equal(await late.flush(), "moved");
        assert.equal(late.held().documents, 0);
        await assert.rejects(late.add(events.slice(1), after(late.checkpoint, events.slice(1))), /spent/);
        await assert.rejects(late.flush(), /spent/);
        await rival.add(events.slice(2), after(rival.checkpoint, events.slice(2)));
        const other = { ...one, version: one.version + 1 };
        const newer = under.store.projection(other, projection.generation).load!(rival.checkpoint, keepAll)!;
        await newer.add(events.slice(2), after(rival.checkpoint, events.slice(2)));
        assert.equal(await newer.flush(), "moved", "another release");
        assert.equal(await rival.flush(), "applied");
        await assertFold(under.store, one, projection.generation, events);
      }
    });

    test("a flush without documents moves the checkpoint alone", async () => {
      for (const one of [orderTotals, orderSummaries]) {
        const projection = await building(under, one);
        const log = logWriter("orders", partitions);
        const { partition } = log.add("s", "Noted", {});
        log.add("s", "Noted", {});
        const events = log.byPartition[partition]!;
        const load = await loadOf(projection, partition);
        await load.add(events, after(load.checkpoint, events));
        assert.equal(load.held().documents, 0);
        assert.equal(await load.flush(), "applied");
        assert.equal((await projection.checkpoint("orders", partition)).position, 2);
        await assertFold(under.store, one, projection.generation, events);
      }
    });

    test("a retired generation takes no more", async () => {
      const live = await feedLive(under.store, orderTotals, partitions);
      const projection = await building(under, orderTotals);
      assert.notEqual(live.generation, projection.generation);
      const log = logWriter("orders", partitions);
      const event = log.add("s", "Created", { customerId: null });
      const load = await loadOf(projection, event.partition);
      await load.add([event], after(load.checkpoint, [event]));
      await under.store.retire(orderTotals, projection.generation);
      assert.equal(await load.flush(), "moved");
    });
  });
}
