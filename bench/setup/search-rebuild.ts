/** A rebuild into a search engine by `apply` and by a bulk load, and the same documents by its client's own bulk helper. */
import assert from "node:assert/strict";
import { Client } from "@opensearch-project/opensearch";
import type { LogEvent } from "../../src/core/message.ts";
import { elasticsearchDocumentStore } from "../../src/elasticsearch/index.ts";
import { openDatabase, postgresViewCatalog } from "../../src/postgres/index.ts";
import { documentViewStore } from "../../src/runtime/document-view-store.ts";
import { toLogEvent } from "../../src/runtime/log-event.ts";
import type { Checkpoint, ViewProjection } from "../../src/runtime/ports.ts";
import { privateSearch, type TestSearch, uniqueName } from "../../test/services.ts";
import type { Run, RunContext } from "../benchmark.ts";
import { orderEvents } from "../workload/events.ts";
import { eventsPerOrder, orderKey } from "../workload/orders.ts";
import { expectedDocument, plainOrders, viewSchema } from "../workload/views.ts";
import { fillByLoad } from "./fill-by-load.ts";

/** Partitions that are applied at the same time, and the events of one apply: as a rebuild does. */
const partitions = 6;
const eventsPerApply = 5_000;

export interface Place {
  readonly server: TestSearch;
  readonly orders: number;
  readonly events: readonly (readonly LogEvent[])[];
}

export async function searchPlace(orders: number): Promise<Place> {
  const events: LogEvent[][] = Array.from({ length: partitions }, () => []);
  for (const event of orderEvents({ events: orders * eventsPerOrder, partitions })) events[event.partition]!.push(toLogEvent(event));
  return { server: await privateSearch("opensearch"), orders, events };
}

type Filling = (projection: ViewProjection, starts: readonly Checkpoint[], log: Place["events"]) => Promise<unknown>;

const inBatches: Filling = (projection, starts, events) =>
  Promise.all(
    starts.map(async (start) => {
      const own = events[start.partition]!;
      for (let from = start; from.position < own.length;) {
        const batch = own.slice(from.position, from.position + eventsPerApply);
        const { position, id } = batch.at(-1)!;
        const to = { ...from, position, eventId: id, logId: "bench" };
        assert.equal(await projection.apply(from, to, batch), "applied");
        from = to;
      }
    }),
  );

export const byApply = (context: RunContext, place: Place): Promise<Run> => filledBy(inBatches, context, place);
export const byLoad = (context: RunContext, place: Place): Promise<Run> => filledBy(fillByLoad, context, place);

async function filledBy(filling: Filling, context: RunContext, { server, orders, events }: Place): Promise<Run> {
  const database = await openDatabase({ url: (await context.database()).url }, { schema: viewSchema });
  const client = new Client({ node: server.url });
  const prefix = `${uniqueName()}-`;
  const documents = elasticsearchDocumentStore(client, { prefix, replicas: 0 });
  const store = documentViewStore(postgresViewCatalog(database, { schema: viewSchema, store: documents.kind }), documents);
  await store.migrate({ ddl: true });
  const { generations } = await store.ensure(plainOrders);
  const generation = generations.at(-1)!.generation;
  const projection = store.projection(plainOrders, generation);
  const checkpoints = await projection.checkpoints(new Map([["orders", partitions]]));
  context.child(server.pid!);
  const { seconds } = await context.measured(() => filling(projection, checkpoints, events));
  const numbers = Array.from({ length: orders }, (_, n) => n);
  const found = await store.get(plainOrders, generation, numbers.map(orderKey));
  for (const n of numbers) assert.deepEqual(found[n]?.document, expectedDocument(plainOrders.name, n));
  await count(client, `${prefix}*`, orders);
  await client.indices.delete({ index: `${prefix}*` });
  await store.close();
  await database.close();
  await client.close();
  return { figures: { "documents/s": orders / seconds }, operations: orders, notes: { "events per apply": eventsPerApply } };
}

/** One index of the same settings, the document's field of its index and nothing beside the document; refreshed once, at the end. */
export async function byBulk(context: RunContext, { server, orders }: Place): Promise<Run> {
  const client = new Client({ node: server.url });
  const index = uniqueName();
  const dynamic = { dynamic: false, properties: { customerId: { type: "keyword" } } } as const;
  await client.indices.create({
    index,
    body: { settings: { number_of_shards: 1, number_of_replicas: 0, refresh_interval: "-1" }, mappings: dynamic },
  });
  const documents = Array.from({ length: orders }, (_, n) => ({ key: orderKey(n), document: expectedDocument(plainOrders.name, n) }));
  context.child(server.pid!);
  const { seconds } = await context.measured(async () => {
    const { failed } = await client.helpers.bulk({
      datasource: documents.map(({ key, document }) => ({ ...document, key })),
      onDocument: ({ key }) => ({ index: { _index: index, _id: key } }),
      flushBytes: 5_000_000,
    });
    assert.equal(failed, 0);
    await client.indices.refresh({ index });
  });
  await count(client, index, orders);
  await client.indices.delete({ index });
  await client.close();
  return { figures: { "documents/s": orders / seconds }, operations: orders, notes: { "bytes per request": 5_000_000 } };
}

async function count(client: Client, index: string, expected: number): Promise<void> {
  const { body } = await client.count({ index });
  assert.equal(body.count, expected);
}
