/**
 * Emmett's rebuild of a projection over the same events in its own tables: by a Pongo projection, as its documentation shows it, and by a raw
 * SQL projection that folds a batch in memory and writes it with one statement, as one who knows it well would.
 */
import pg from "pg";
import { orderEvents } from "../workload/events.ts";
import { fillMessages } from "./emmett-fill.ts";

interface Message {
  readonly type: string;
  readonly data: Readonly<Record<string, unknown>>;
  readonly metadata: { readonly streamName: string; readonly time: string };
}
interface Projection {
  readonly name?: string;
}
interface EmmettPostgres {
  getPostgreSQLEventStore(url: string): { readonly schema: { migrate(): Promise<unknown> }; close(): Promise<void> };
  pongoSingleStreamProjection(options: {
    readonly collectionName: string;
    readonly canHandle: readonly string[];
    readonly evolve: (document: RebuiltOrder | null, event: Message) => RebuiltOrder;
  }): Projection;
  postgreSQLRawBatchSQLProjection(options: {
    readonly name: string;
    readonly canHandle: readonly string[];
    readonly evolve: (events: readonly Message[]) => readonly unknown[];
  }): Projection;
  rebuildPostgreSQLProjections(options: {
    readonly connectionString: string;
    readonly projections: readonly Projection[];
    readonly pulling: { readonly batchSize: number; readonly pullingFrequencyInMs: number };
  }): { start(): Promise<void>; close(): Promise<void> };
}
interface Dumbo {
  sql(text: string, ...values: readonly string[]): unknown;
}

/** TypeScript does not look for what is named by a variable. */
const load = async <T>(name: string): Promise<T> => (await import(name)) as T;

export interface RebuiltOrder {
  readonly customerId: string;
  readonly status: string;
  readonly total: number;
  readonly itemCount: number;
  readonly createdAt: string;
  readonly updatedAt: string;
}
interface Item {
  readonly quantity: number;
  readonly unitPrice: number;
}
const priceOf = (items: readonly Item[]) => items.reduce((sum, { quantity, unitPrice }) => sum + quantity * unitPrice, 0);

/** What one event adds; the fold of these is the document. */
function changeOf({
  type,
  data,
  metadata: { time },
}: Message): Partial<RebuiltOrder> & Pick<RebuiltOrder, "total" | "itemCount" | "updatedAt"> {
  const items = type === "OrderCreated" ? (data["items"] as readonly Item[]) : type === "ItemAdded" ? [data as unknown as Item] : [];
  const status = { OrderCreated: "CREATED", OrderSubmitted: "SUBMITTED", OrderPaid: "PAID" }[type];
  return {
    ...(type === "OrderCreated" ? { customerId: data["customerId"] as string, createdAt: time } : {}),
    ...(status === undefined ? {} : { status }),
    total: priceOf(items),
    itemCount: items.length,
    updatedAt: time,
  };
}
function folded<T extends { readonly total: number; readonly itemCount: number }>(before: T | null | undefined, event: Message): T {
  const change = changeOf(event);
  return {
    ...before,
    ...change,
    total: (before?.total ?? 0) + change.total,
    itemCount: (before?.itemCount ?? 0) + change.itemCount,
  } as unknown as T;
}

const canHandle = ["OrderCreated", "ItemAdded", "OrderSubmitted", "OrderPaid"];
const upsert = `
  insert into raw_orders select * from jsonb_to_recordset(%L::jsonb) as r(id text, "customerId" text, status text, total bigint, "itemCount" int, "createdAt" text, "updatedAt" text)
  on conflict (id) do update set status = coalesce(excluded.status, raw_orders.status), total = raw_orders.total + excluded.total,
    item_count = raw_orders.item_count + excluded.item_count, updated_at = excluded.updated_at`;

async function projectionOf(kind: EmmettKind, emmett: EmmettPostgres): Promise<Projection> {
  if (kind === "pongo") return emmett.pongoSingleStreamProjection({ collectionName: "pongo_orders", canHandle, evolve: folded });
  const { sql } = await load<Dumbo>("@event-driven-io/dumbo");
  return emmett.postgreSQLRawBatchSQLProjection({
    name: "raw_orders",
    canHandle,
    evolve(events) {
      const rows = new Map<string, { readonly id: string; readonly total: number; readonly itemCount: number }>();
      for (const event of events) {
        const id = event.metadata.streamName;
        rows.set(id, { ...folded(rows.get(id), event), id });
      }
      return [sql(upsert, JSON.stringify([...rows.values()]))];
    },
  });
}

export type EmmettKind = "pongo" | "raw";

/** Its tables, with the workload's first events; one position after the other, as if appended by one writer. */
export async function fillEmmett(url: string, events: number): Promise<void> {
  const { getPostgreSQLEventStore } = await load<EmmettPostgres>("@event-driven-io/emmett-postgresql");
  const store = getPostgreSQLEventStore(url);
  await store.schema.migrate();
  await store.close();
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    await fillMessages(client, orderEvents({ events, partitions: 1 }));
    await client.query(
      "create table raw_orders(id text primary key, customer_id text, status text, total bigint, item_count int, created_at text, updated_at text)",
    );
    await client.query("create index on raw_orders(customer_id)");
  } finally {
    await client.end();
  }
}

/** From the beginning to the end of the events. */
export async function rebuildEmmett(url: string, kind: EmmettKind, batchSize: number): Promise<() => Promise<void>> {
  const emmett = await load<EmmettPostgres>("@event-driven-io/emmett-postgresql");
  const projection = await projectionOf(kind, emmett);
  return async () => {
    const consumer = emmett.rebuildPostgreSQLProjections({
      connectionString: url,
      projections: [projection],
      pulling: { batchSize, pullingFrequencyInMs: 1 },
    });
    await consumer.start();
    await consumer.close();
  };
}

/** How many orders stand where all their events lead; sums of totals and items with them. */
export async function emmettOrders(url: string, kind: EmmettKind): Promise<{ readonly orders: number; readonly total: number }> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ orders: string; total: string }>(
      kind === "pongo"
        ? `select count(*) as orders, sum((data->>'total')::bigint) as total from pongo_orders where data->>'status' = 'PAID' and (data->>'itemCount')::int = 4`
        : "select count(*) as orders, sum(total) as total from raw_orders where status = 'PAID' and item_count = 4",
    );
    return { orders: Number(rows[0]!.orders), total: Number(rows[0]!.total) };
  } finally {
    await client.end();
  }
}
