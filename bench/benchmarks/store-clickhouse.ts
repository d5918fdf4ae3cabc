/** How fast a view is filled in ClickHouse: documents/s through the whole path of a projection's batch, beside the official client inserting the same rows. */
import assert from "node:assert/strict";
import { type ClickHouseClient, createClient } from "@clickhouse/client";
import { clickhouseDocumentStore } from "../../src/clickhouse/index.ts";
import type { LogEvent } from "../../src/core/message.ts";
import { openDatabase, postgresViewCatalog } from "../../src/postgres/index.ts";
import { documentViewStore } from "../../src/runtime/document-view-store.ts";
import type { Checkpoint, ViewProjection } from "../../src/runtime/ports.ts";
import { privateClickhouse, type TestDatabases } from "../../test/services.ts";
import type { Benchmark, Case, CaseContext, Run, RunContext } from "../benchmark.ts";
import { fillByLoad } from "../setup/fill-by-load.ts";
import { orderEvents } from "../workload/events.ts";
import { eventsPerOrder } from "../workload/orders.ts";
import { expectedDocument, plainOrders } from "../workload/views.ts";

export default {
  name: "store-clickhouse",
  title:
    "documents/s into a view in ClickHouse, by batches of 5,000 events and by the bulk load of a rebuild, a checkpoint in PostgreSQL after each; the client inserting the same rows, 5,000 at a time",
  cases: ({ quick }) => {
    const documents = quick ? 20_000 : 100_000;
    return [
      {
        ...filled("new documents, one event each", documents, 1),
        goals: [ours, loading].map((of) => ({ row: `store's own raw bulk rate, ${of}`, of, against: raw, atLeast: 0.6 })),
      },
      filled("orders of 5 events, 1,000 open at a time", documents, eventsPerOrder),
    ];
  },
} satisfies Benchmark;

const ours = "Tidemark, apply";
const loading = "Tidemark, bulk load";
const raw = "client's insert, JSONEachRow";
const batchSize = 5_000;
const view = plainOrders;

function filled(name: string, documents: number, events: number): Case {
  let server: TestDatabases;
  let log: readonly LogEvent[];
  return {
    name,
    against: raw,
    async prepare(_: CaseContext) {
      server = await privateClickhouse();
      log = eventsOf(documents, events);
      return () => server.stop();
    },
    contenders: [
      { name: ours, run: (context) => filledBy(byApply, context, server, log, documents, events) },
      { name: loading, run: (context) => filledBy(byLoad, context, server, log, documents, events) },
      { name: raw, run: (context) => inserted(context, server, documents) },
    ],
  };
}

/** One partition's log: of each order its first event, or all of them. */
function eventsOf(documents: number, perDocument: number): LogEvent[] {
  const all = [...orderEvents({ events: documents * eventsPerOrder, partitions: 1 })].filter(({ version }) => version <= perDocument);
  return all.map((event, i): LogEvent => {
    const { data, metadata, commandId: _, ...rest } = event;
    const decoded = JSON.parse(metadata) as LogEvent["metadata"];
    return { ...rest, position: i + 1, time: decoded.time, data: JSON.parse(data) as unknown, metadata: decoded };
  });
}

async function open(server: TestDatabases) {
  const database = await server.createDatabase();
  const client = createClient({ url: server.url });
  return {
    client,
    documents: clickhouseDocumentStore(client, { prefix: "", database: database.name }),
    table: `${database.name}.${view.name}_g1`,
    async close() {
      await client.close();
      await database.drop();
    },
  };
}

type Filling = (projection: ViewProjection, start: Checkpoint, log: readonly LogEvent[]) => Promise<void>;

const byApply: Filling = async (projection, start, log) => {
  let from = start;
  for (let at = 0; at < log.length; at += batchSize) {
    const batch = log.slice(at, at + batchSize);
    const { position, id } = batch.at(-1)!;
    const to = { ...from, position, eventId: id };
    assert.equal(await projection.apply(from, to, batch), "applied");
    from = to;
  }
};

const byLoad: Filling = (projection, start, log) => fillByLoad(projection, [start], [log]);

async function filledBy(
  filling: Filling,
  context: RunContext,
  server: TestDatabases,
  log: readonly LogEvent[],
  documents: number,
  perDocument: number,
): Promise<Run> {
  context.child(server.pid!);
  const under = await open(server);
  const location = await context.database();
  const schema = "views";
  const database = await openDatabase({ url: location.url }, { schema });
  const store = documentViewStore(postgresViewCatalog(database, { schema, store: "clickhouse" }), under.documents);
  await store.migrate({ ddl: true });
  await store.ensure(view);
  const projection = store.projection(view, 1);
  const [start] = await projection.checkpoints(new Map([["orders", 1]]));
  const { seconds } = await context.measured(() => filling(projection, start!, log));
  assert.equal(await countOf(under.client, under.table), documents);
  const n = Math.floor(documents / 2);
  const expected = expectedDocument(view.name, n);
  const [found] = await store.get(view, 1, [expected["orderId"] as string]);
  assert.equal(found?.version, perDocument);
  if (perDocument === eventsPerOrder) assert.deepEqual(found.document, expected);
  await store.close();
  await database.close();
  await under.close();
  return { figures: { "documents/s": documents / seconds }, operations: documents };
}

async function inserted(context: RunContext, server: TestDatabases, documents: number): Promise<Run> {
  context.child(server.pid!);
  const under = await open(server);
  await under.documents.generation(view, 1).prepare();
  const rows = Array.from({ length: documents }, (_, n) => {
    const document = expectedDocument(view.name, n);
    const own = { _deleted: false, _version: 5, _updated: document["updatedAt"], _seen: n + 1, _source: "orders/0", _edition: 1 };
    return { _key: document["orderId"], _doc: JSON.stringify(document), ...own, ...document };
  });
  const { seconds } = await context.measured(async () => {
    for (let at = 0; at < rows.length; at += batchSize)
      await under.client.insert({
        table: under.table,
        values: rows.slice(at, at + batchSize),
        format: "JSONEachRow",
        clickhouse_settings: { async_insert: 0 },
      });
  });
  assert.equal(await countOf(under.client, under.table), documents);
  await under.close();
  return { figures: { "documents/s": documents / seconds }, operations: documents };
}

async function countOf(client: ClickHouseClient, table: string): Promise<number> {
  const answer = await client.query({ query: `select count() from ${table} final`, format: "JSONCompact" });
  return Number((await answer.json<[number | string]>()).data[0]![0]);
}
