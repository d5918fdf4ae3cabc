/** Views and rollups in ClickHouse, on a server and on the engine in this process: folds under rivals and faults, exact values, exact groups. */
import assert from "node:assert/strict";
import { after as afterAll, before, describe, test } from "node:test";
import type { ClickHouseClient } from "@clickhouse/client";
import { z } from "zod";
import { awkward, notes, plainNote } from "../../test/awkward-notes.ts";
import { assertGroups, byCustomer, byHour } from "../../test/rollup-domain.ts";
import { clickhouseClient, type TestClickHouse } from "../../test/services.ts";
import { type Logs, logWriter, orders, orderTotals, type Random, random, randomLogs } from "../../test/view-domain.ts";
import { after, applyAll, applyNext, assertFold, feedLive } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { avg, count, max, min, sum } from "../core/rollup-measures.ts";
import { rollup } from "../core/rollup.ts";
import { view } from "../core/view.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { memoryViewCatalog, memoryViewStore, readDatabase } from "../memory/index.ts";
import type { DocumentStore } from "../runtime/document-store.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import type { FindQuery, ViewStore } from "../runtime/ports.ts";
import { clickhouseDocumentStore } from "./index.ts";

const partitions = 3;
const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 1);

/** The client, whose statements may fail before or after their effect, or take their time. */
function troubled(client: ClickHouseClient, r: Random, oneIn: number): ClickHouseClient {
  const down = async (): Promise<void> => {
    if (r.below(oneIn) === 0) throw new Error("injected");
    if (r.below(3) === 0) await new Promise<void>((resolve) => setImmediate(resolve));
  };
  const around =
    <A extends unknown[], R>(work: (...args: A) => Promise<R>) =>
    async (...args: A): Promise<R> => {
      await down();
      const answer = await work(...args);
      try {
        await down();
      } catch (error) {
        // an answer that nobody reads keeps its connection
        if (typeof answer === "object" && answer !== null && "close" in answer) (answer as unknown as { close(): void }).close();
        throw error;
      }
      return answer;
    };
  return { command: around(client.command.bind(client)), query: around(client.query.bind(client)) } as unknown as ClickHouseClient;
}

async function run(store: ViewStore, definition: AnyView, partition: number, logs: Logs, r: Random, most: number): Promise<void> {
  const projection = store.projection(definition, 1);
  let from: Awaited<ReturnType<typeof projection.checkpoint>> | undefined;
  for (;;) {
    try {
      // an old checkpoint now and then: a zombie's
      if (from === undefined || r.below(4) > 0) from = await projection.checkpoint("orders", partition);
      if ((await applyNext(projection, from, logs.orders[partition]!, 1 + r.below(most))) === "end") return;
    } catch (error) {
      if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
    }
  }
}

for (const kind of ["server", "embedded"] as const) {
  describe(`ClickHouse, ${kind}`, () => {
    let under: TestClickHouse;
    before(async () => {
      under = await clickhouseClient(kind);
    });
    afterAll(() => under.close());

    let prefixes = 0;
    const world = () => {
      const catalogue = readDatabase();
      prefixes += 1;
      const options = { prefix: `p${prefixes}_`, database: under.database };
      const open = (client: ClickHouseClient = under.client) => {
        const documents: DocumentStore = clickhouseDocumentStore(client, options);
        return { documents, store: documentViewStore(memoryViewCatalog(catalogue, "clickhouse"), documents) };
      };
      return { ...open(), open, options };
    };
    const statement = (query: string) => under.client.command({ query });

    for (let seed = 1; seed <= rounds; seed++) {
      test(`random cuts, zombies and faults: documents are a fold, groups a recomputation (seed ${seed})`, async () => {
        const { store, open } = world();
        const logs = randomLogs(random(seed), { partitions, orders: 8, customers: 6, orderEvents: 120, customerEvents: 1 });
        const views = [orderTotals, byCustomer, byHour];
        await store.migrate({ ddl: true });
        for (const each of views) await feedLive(store, each, partitions);
        const workers = [0, 1].map((i) => open(troubled(under.client, random(seed * 77 + i), 30)).store);
        await Promise.all(
          views.flatMap((each) =>
            Array.from({ length: partitions * 2 }, (_, i) =>
              run(workers[i % 2]!, each, i % partitions, logs, random(seed * 1_000 + i), 1 + random(seed + i).below(40)),
            ),
          ),
        );
        const events = logs.orders.flat();
        await assertFold(store, orderTotals, 1, events);
        for (const each of [byCustomer, byHour]) await assertGroups(store, each, 1, events);
      });
    }

    test("a late row of an old worker changes nothing, nor does a delayed birth after the end", async () => {
      const { documents } = world();
      const generation = documents.generation(notes, 1);
      await generation.prepare();
      const row = (seen: number, text: string | null) => ({
        key: "n",
        document: text === null ? null : { ...plainNote, text },
        version: text === null ? 0 : seen,
        lastUpdated: text === null ? "" : `2026-01-01T00:00:0${seen}.000Z`,
        seen: { "orders/0": seen },
        copied: {},
        edition: 1,
      });
      for (const [seen, text] of [
        [3, "c"],
        [1, "a"],
        [2, "b"],
      ] as const)
        assert.deepEqual(await generation.own.write([row(seen, text)]), ["written"]);
      assert.deepEqual(await generation.own.read(["n", "m"]), new Map([["n", row(3, "c")]]));
      await generation.own.write([row(5, null)]);
      await generation.own.write([row(4, "d")]);
      await statement(`optimize table \`${under.database}\`.\`p${prefixes}_notes_g1\` final`);
      assert.deepEqual(await generation.get(["n"]), [undefined]);
      assert.deepEqual(await generation.own.read(["n"]), new Map([["n", row(5, null)]]));
    });

    test("documents come back as they went in, and are found by every value", async () => {
      const { documents, store } = world();
      await store.migrate({ ddl: true });
      const live = await feedLive(store, notes, partitions);
      const log = logWriter("orders", partitions);
      const memory = memoryViewStore(readDatabase());
      const other = await feedLive(memory, notes, partitions);
      for (const [i, note] of awkward.entries()) log.add(`k${i}\t'\\\n\u{10000}`, "Paid", { method: JSON.stringify(note) });
      for (const events of log.byPartition.filter((each) => each.length > 0)) {
        for (const one of [live, other]) {
          const from = await one.checkpoint("orders", events[0]!.partition);
          assert.equal(await one.apply(from, after(from, events), events), "applied");
        }
      }
      await assertFold(store, notes, 1, log.byPartition.flat());
      const rows = await documents.generation(notes, 1).own.read([log.byPartition.flat()[0]!.stream]);
      assert.equal(rows.size, 1);
      const values = awkward.flatMap((note) => [note.text, note.n, note.x, note.done, note.last] as const);
      const r = random(5);
      for (let i = 0; i < 25; i++) await samePages(store, memory, notes, randomQuery(["text", "n", "x", "done", "last"], values, r));
    });

    test("groups are found by conditions, in order and page by page, as in memory", async () => {
      const { store } = world();
      const memory = memoryViewStore(readDatabase());
      await store.migrate({ ddl: true });
      const logs = randomLogs(random(7), { partitions, orders: 60, customers: 25, orderEvents: 600, customerEvents: 1 });
      for (const each of [byCustomer, byHour]) {
        for (const one of [store, memory]) await applyAll(await feedLive(one, each, partitions), "orders", logs.orders, 200);
        const { items } = await memory.find(each, 1, { where: {}, order: [], limit: 1_000 });
        const dimensions = Object.keys(each.rollup!.by);
        const values = items.flatMap(({ document }) => dimensions.map((field) => document[field] as string));
        const r = random(11);
        for (let i = 0; i < 6; i++) await samePages(store, memory, each, randomQuery(dimensions, values, r));
      }
    });

    test("sums are exact beyond 2^53 and for every double, averages from the exact sum, a half away from zero", async () => {
      const { store } = world();
      await store.migrate({ ddl: true });
      const memory = memoryViewStore(readDatabase());
      const most = Number.MAX_SAFE_INTEGER;
      const cases = [
        [most, most, most - 1],
        [0.1, 0.2, 1e-7],
        [-1.005, -0.005],
        [1e21, 1e-9, 0],
        [0.5, 0.4999999999999999],
        [1e300, 1e-300, -1e300],
        [Number.MAX_VALUE, 5e-324, 123456789012345680000, 2 ** 70],
        Array.from({ length: 200 }, (_, i) => ((i * 7919) % 1_000) / 100),
      ];
      const log = logWriter("orders", partitions);
      for (const [i, amounts] of cases.entries())
        for (const [n, amount] of amounts.entries()) log.add(`o-${i}-${n}`, "Created", { customerId: `${i}/${amount}` });
      for (const one of [store, memory]) await applyAll(await feedLive(one, sums, partitions), "orders", log.byPartition, 50);
      const keys = cases.map((_, i) => String(i));
      const found = await store.get(sums, 1, keys);
      assert.deepEqual(found, await memory.get(sums, 1, keys));
      assert.equal(found[0]?.document["exact"], "27021597764222972");
    });

    test("what cannot be measured, or has no place in its column, names its event and writes nothing", async () => {
      const { store } = world();
      await store.migrate({ ddl: true });
      for (const [definition, wrong] of [
        [sums, { customerId: "c/none" }],
        [badNotes, { customerId: "c/none" }],
      ] as const) {
        const live = await feedLive(store, definition, partitions);
        const log = logWriter("orders", 1);
        const batch = [log.add("o-1", "Created", { customerId: "c/1" }), log.add("o-2", "Created", wrong)];
        const from = await live.checkpoint("orders", 0);
        await assert.rejects(live.apply(from, after(from, batch), batch), (error: Error) => {
          assert.ok(isTidemarkError(error, "HANDLER_FAILED"));
          assert.deepEqual([error.details["type"], error.details["position"]], ["Created", 2]);
          return true;
        });
        assert.deepEqual((await store.find(definition, 1, { where: {}, order: [], limit: 9 })).items, []);
      }
    });

    test("a thousand keys a batch, and long ones", async () => {
      const { store } = world();
      await store.migrate({ ddl: true });
      const live = await feedLive(store, orderTotals, 1);
      const log = logWriter("orders", 1);
      const keys = Array.from({ length: 1_200 }, (_, i) => `${"ü'".repeat(150)}${i}`);
      for (const key of keys) log.add(key, "Created", { customerId: key });
      for (const key of keys) log.add(key, "Added", { productId: "p", quantity: 2 });
      await applyAll(live, "orders", log.byPartition, 1_200);
      await assertFold(store, orderTotals, 1, log.byPartition.flat());
    });

    test("storage that was lost under its checkpoints is refused by name; a retired generation's is dropped", async () => {
      const { store, open, options } = world();
      await store.migrate({ ddl: true });
      const live = await feedLive(store, orderTotals, 1);
      const log = logWriter("orders", 1);
      const events: LogEvent[] = ["a", "b", "c", "d"].map((key) => log.add(key, "Created", { customerId: key }));
      const from = await live.checkpoint("orders", 0);
      assert.equal(await applyNext(live, from, events, 2), "applied");
      const table = `\`${under.database}\`.\`${options.prefix}order_totals_g`;
      await statement(`drop table ${table}1\` sync`);
      const next = await live.checkpoint("orders", 0);
      await assert.rejects(applyNext(live, next, events, 2), { code: "VIEW_STORE_DIVERGED" });
      assert.deepEqual(await live.checkpoint("orders", 0), next);
      await assert.rejects(
        open()
          .store.projection(orderTotals, 1)
          .checkpoints(new Map([["orders", 1]])),
        {
          code: "VIEW_STORE_DIVERGED",
        },
      );
      assert.deepEqual(await store.get(orderTotals, 1, ["a"]), [undefined]);

      const { generation } = await store.create(orderTotals);
      const second = store.projection(orderTotals, generation);
      await second.checkpoints(new Map([["orders", 1]]));
      await applyAll(second, "orders", log.byPartition, 10);
      await store.switch(orderTotals, generation);
      await store.retire(orderTotals, 1);
      await assert.rejects(store.get(orderTotals, 1, ["a"]), { code: "GENERATION_MOVED" });
      const answer = await under.client.query({
        query: `select name from system.tables where database = '${under.database}' and startsWith(name, '${options.prefix}')`,
        format: "JSONCompact",
      });
      assert.deepEqual((await answer.json<[string]>()).data, [[`${options.prefix}order_totals_g${generation}`]]);
    });

    test("another declared version writes no checkpoint", async () => {
      const { store } = world();
      await store.migrate({ ddl: true });
      const live = await feedLive(store, orderTotals, 1);
      const log = logWriter("orders", 1);
      const events = [log.add("a", "Created", { customerId: "a" })];
      const from = await live.checkpoint("orders", 0);
      const newer: AnyView = { ...orderTotals, version: 2 };
      assert.equal(await applyNext(store.projection(newer, 1), from, events, 1), "moved");
      assert.deepEqual(await live.checkpoint("orders", 0), from);
    });

    test("a store that is not there is unavailable, by the store's name", async () => {
      const { open } = world();
      const { documents } = open({
        command: () => Promise.reject(new Error("connect ECONNREFUSED")),
        query: () => Promise.reject(new Error("connect ECONNREFUSED")),
        ping: () => Promise.resolve({ success: false, error: new Error("connect ECONNREFUSED") }),
      } as unknown as ClickHouseClient);
      const generation = documents.generation(orderTotals, 1);
      for (const work of [() => documents.ping(), () => generation.prepare(), () => generation.get(["a"]), () => generation.drop()])
        await assert.rejects(work, (error: Error) => {
          assert.ok(error instanceof TidemarkError && error.code === "UNAVAILABLE");
          assert.match(error.message, /ClickHouse \(database .*ECONNREFUSED/);
          return true;
        });
    });
  });
}

const amounts = view(
  "amounts",
  { document: z.object({ name: z.string(), amount: z.number() }), from: [orders] },
  {
    create: {
      Created: ({ data }) => {
        const [name = "", amount = ""] = (data.customerId ?? "").split("/");
        return { name, amount: amount === "none" ? ("none" as unknown as number) : Number(amount) };
      },
    },
    on: {},
  },
);
const badNotes: AnyView = { ...amounts, name: "bad_notes" };
const sums = rollup("sums", {
  document: z.object({
    name: z.string(),
    n: z.int(),
    exact: z.string(),
    near: z.number(),
    average: z.string(),
    whole: z.int(),
    least: z.number(),
    most: z.number(),
  }),
  of: amounts,
  by: { name: "name" },
  measures: {
    n: count(),
    exact: sum("amount"),
    near: sum("amount"),
    average: avg("amount", { digits: 2 }),
    whole: avg("amount"),
    least: min("amount"),
    most: max("amount"),
  },
});

async function samePages(store: ViewStore, memory: ViewStore, definition: AnyView, query: FindQuery): Promise<void> {
  for (let next: FindQuery = query; ;) {
    const [found, expected] = [await store.find(definition, 1, next), await memory.find(definition, 1, next)];
    assert.deepEqual(found, expected, JSON.stringify({ ...next, where: Object.keys(next.where) }).slice(0, 300));
    if (found.next === null) return;
    next = { ...query, after: found.next };
  }
}

type Value = string | number | boolean | null;

/** Conditions of the types that the fields have. */
function randomQuery(fields: readonly string[], values: readonly (Value | undefined)[], r: Random): FindQuery {
  const typeOf: Readonly<Record<string, string>> = { n: "number", x: "number", done: "boolean" };
  const ofField = (field: string) =>
    values.filter((value) => value === null || typeof value === (typeOf[field] ?? "string")) as readonly (string | number | null)[];
  const some = (field: string) => r.pick(ofField(field));
  const ranged = (field: string) => r.pick(ofField(field).filter((value) => value !== null && typeof value !== "boolean"));
  const conditionOf = (field: string): FindQuery["where"][string] => {
    const dice = r.below(field === "done" ? 3 : 5);
    if (dice === 0) return some(field);
    if (dice === 1) return { not: some(field) };
    if (dice === 2) return { in: [some(field), some(field)] };
    return r.below(2) === 0 ? { gte: ranged(field) } : { lt: ranged(field) };
  };
  const ordered = fields.filter(() => r.below(2) === 0).slice(0, 2);
  return {
    where: Object.fromEntries(fields.filter(() => r.below(4) === 0).map((field) => [field, conditionOf(field)])),
    order: ordered.map((field) => ({ field, direction: r.pick(["asc", "desc"] as const) })),
    limit: 1 + r.below(5),
  };
}
