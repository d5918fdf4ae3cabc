/** Views on a store without transactions: workers, zombies, lost answers and crashes between any two steps; afterwards every document is what a fresh fold gives. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { allViews, eventsOf, type Logs, type Random, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { type DocumentDatabase, memoryDocumentStore, memoryViewCatalog, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "./document-view-store.ts";
import type { ViewStore } from "./ports.ts";

const partitions = 3;
const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 10);

function world() {
  const catalogue = readDatabase();
  const documents: DocumentDatabase = new Map();
  const open = () => {
    const catalog = memoryViewCatalog(catalogue, "documents");
    const rows = memoryDocumentStore(documents);
    return { store: documentViewStore(catalog, rows), catalog, rows };
  };
  return { documents, open };
}

/** Each step may fail before its effect, or after it (its answer is lost), or take its time. */
function trouble({ catalog, rows }: ReturnType<ReturnType<typeof world>["open"]>, r: Random, oneIn: number): void {
  const down = () => {
    if (r.below(oneIn) === 0) throw new TidemarkError("UNAVAILABLE", { what: "injected" });
    return r.below(3) === 0 ? new Promise<void>((resolve) => setImmediate(resolve)) : undefined;
  };
  for (const point of ["readRows", "writeRows", "referring", "visible"] as const) {
    rows.faults.before(point, down);
    rows.faults.after(point, down);
  }
  for (const point of ["move", "checkpoint"] as const) {
    catalog.faults.before(point, down);
    catalog.faults.after(point, down);
  }
}

async function run(
  store: ViewStore,
  view: AnyView,
  generation: number,
  log: string,
  partition: number,
  logs: Logs,
  r: Random,
  most: number,
) {
  const projection = store.projection(view, generation);
  const events = logs[log as keyof Logs][partition]!;
  let from: Awaited<ReturnType<typeof projection.checkpoint>> | undefined;
  for (;;) {
    try {
      // an old checkpoint now and then: a zombie's
      if (from === undefined || r.below(4) > 0) from = await projection.checkpoint(log, partition);
      if ((await applyNext(projection, from, events, 1 + r.below(most))) === "end") return;
    } catch (error) {
      if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
    }
  }
}

for (let seed = 1; seed <= rounds; seed++) {
  test(`random cuts, rivals and faults: every view is a fold of its logs (seed ${seed})`, async () => {
    const r = random(seed);
    const { open } = world();
    const logs = randomLogs(r, { partitions, orders: 8, customers: 6, orderEvents: 150, customerEvents: 80 });
    const calm = open();
    await calm.store.migrate({ ddl: true });
    const processes = [open(), open()];
    for (const one of processes) trouble(one, r, 30);
    for (const view of allViews) {
      await calm.store.ensure(view);
      await calm.store.projection(view, 1).checkpoints(new Map(view.logs.map((log) => [log, partitions])));
    }
    await Promise.all(
      allViews.flatMap((view) =>
        view.logs.flatMap((log) =>
          Array.from({ length: partitions * 2 }, (_, i) =>
            run(processes[i % 2]!.store, view, 1, log, i % partitions, logs, random(seed * 1_000 + i), 1 + r.below(40)),
          ),
        ),
      ),
    );
    for (const view of allViews)
      await assertFold(calm.store, view, 1, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
  });
}

test("storage that was lost under its checkpoints is refused by name, not filled anew", async () => {
  const r = random(7);
  const { documents, open } = world();
  const { store } = open();
  const view = allViews[1];
  const logs = randomLogs(r, { partitions: 1, orders: 3, customers: 1, orderEvents: 40, customerEvents: 1 });
  await store.migrate({ ddl: true });
  await store.ensure(view);
  const [from] = await store.projection(view, 1).checkpoints(new Map([["orders", 1]]));
  await applyNext(store.projection(view, 1), from!, logs.orders[0]!, 20);
  documents.clear();
  const next = await store.projection(view, 1).checkpoint("orders", 0);
  await assert.rejects(applyNext(store.projection(view, 1), next, logs.orders[0]!, 20), { code: "VIEW_STORE_DIVERGED" });
  await assert.rejects(
    open()
      .store.projection(view, 1)
      .checkpoints(new Map([["orders", 1]])),
    { code: "VIEW_STORE_DIVERGED" },
  );
});

test("a retired generation's documents are dropped, also after a crash, and reads of it are refused", async () => {
  const { documents, open } = world();
  const first = open();
  const view = allViews[1];
  await first.store.migrate({ ddl: true });
  await first.store.ensure(view);
  await first.store.projection(view, 1).checkpoints(new Map([["orders", 1]]));
  for (const generation of [2, 3]) {
    await first.store.create(view);
    await first.store.projection(view, generation).checkpoints(new Map([["orders", 1]]));
  }
  await first.store.switch(view, 2);
  first.rows.faults.fail("retire");
  await assert.rejects(first.store.switch(view, 3), { code: "UNAVAILABLE" });
  assert.equal((await first.store.current(view))?.generation, 3);
  assert.deepEqual([...documents.keys()], ["order_totals/1", "order_totals/2", "order_totals/3"]);
  await assert.rejects(first.store.get(view, 1, ["x"]), { code: "GENERATION_MOVED" });
  await open().store.ensure(view);
  assert.deepEqual([...documents.keys()], ["order_totals/2", "order_totals/3"]);
});

test("a view that moves between kinds of stores begins a generation there, and goes back to what is still fed", async () => {
  const catalogue = readDatabase();
  const storeOf = (kind: string) => documentViewStore(memoryViewCatalog(catalogue, kind), memoryDocumentStore(new Map(), { kind }));
  const [here, there] = [storeOf("here"), storeOf("there")];
  const view = allViews[1];
  await here.migrate({ ddl: true });
  const [{ generations: before }, { generations: after }] = [await here.ensure(view), await there.ensure(view)];
  assert.deepEqual(
    [before, after].map((all) => all.map(({ generation, state, store }) => [generation, state, store])),
    [[[1, "live", "here"]], [[2, "building", "there"]]],
  );
  assert.equal(await there.current(view), null, "what is being filled answers nobody");
  await there.switch(view, 2);
  assert.equal((await there.current(view))?.generation, 2);
  assert.equal((await here.current(view))?.generation, 1, "the old release reads on");
});
