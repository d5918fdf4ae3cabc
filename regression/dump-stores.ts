/** What the two databases hold, by plain SQL as their superuser. */
import pg from "pg";
import { viewLogs } from "./check-views.ts";
import type { CheckpointRow, EventRow, HeadRow, StoredCommand, Stores, ViewDocument } from "./history.ts";

export interface Databases {
  readonly writeUrl: string;
  readonly readUrl: string;
}

async function connected<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** The schema's name depends on the service's prefix; the dump only wants the one that has `table`. */
async function useSchemaOf(client: pg.Client, table: string): Promise<void> {
  const { rows } = await client.query<{ schema: string }>("select table_schema as schema from information_schema.tables where table_name = $1", [table]);
  if (rows.length !== 1) throw new Error(`${rows.length} schemas have a table ${table}, expected one.`);
  await client.query(`set search_path to ${client.escapeIdentifier(rows[0]!.schema)}`);
}

const headsQuery = "select log, partition, position::float8 as position from heads order by log, partition";
const checkpointsQuery = `select c.view, c.log, c.partition, c.position::float8 as position, c.event_id as "eventId"
  from _checkpoints c join _generations g using (view, generation) where g.state = 'live' order by 1, 2, 3`;

/** The write store's part of a dump. */
export async function dumpWriteStore(url: string): Promise<Pick<Stores, "logs" | "heads" | "events" | "commands">> {
  return await connected(url, async (client) => {
    await useSchemaOf(client, "heads");
    const logs = await client.query<Stores["logs"][number]>(`select log, log_id::text as "logId", partitions from logs order by log`);
    const heads = await client.query<HeadRow>(headsQuery);
    const events = await client.query<EventRow>(`select log, partition, position::float8 as position, stream, version, type, event_id::text as id,
      command_id as "commandId", data::text as data, metadata::text as metadata from events order by log, partition, position`);
    const commands = await client.query<StoredCommand>(`select command_id as "commandId", log, stream, version, kind = 'e' as "withEvents" from commands`);
    return { logs: logs.rows, heads: heads.rows, events: events.rows, commands: commands.rows };
  });
}

/** The read store's part of a dump: live generations only. */
export async function dumpReadStore(url: string): Promise<Pick<Stores, "checkpoints" | "documents">> {
  return await connected(url, async (client) => {
    await useSchemaOf(client, "_generations");
    const checkpoints = await client.query<CheckpointRow>(checkpointsQuery);
    const documents: ViewDocument[] = [];
    for (const view of Object.keys(viewLogs) as ViewDocument["view"][]) {
      const live = await client.query<{ generation: number }>("select generation from _generations where view = $1 and state = 'live'", [view]);
      const table = client.escapeIdentifier(`${view}_g${live.rows[0]?.generation}`);
      const { rows } = await client.query<TableRow>(`select * from ${table} where _held`);
      documents.push(...rows.map((row) => documentOf(view, row)));
    }
    return { checkpoints: checkpoints.rows, documents };
  });
}

interface TableRow { readonly _key: string; readonly _version: string; readonly _updated: string; readonly _rest: object | null }

function documentOf(view: ViewDocument["view"], { _key, _version, _updated, _rest, ...row }: TableRow & { _held?: boolean }): ViewDocument {
  delete row._held;
  const document = { ...row, ..._rest };
  return { view, key: _key, document: view === "customer_profiles" ? document : inDecimals(view, document), version: Number(_version), lastUpdated: _updated };
}

const money = (minor: unknown) => (Number(minor) / 100).toFixed(2);

/** Money is kept in minor units; counts come from the driver as text. */
function inDecimals(view: string, stored: object): object {
  const document = stored as { total: unknown; itemCount?: unknown; items?: Record<string, unknown>[]; payment?: Record<string, unknown> | null };
  if (view === "order_summaries") return { ...document, total: money(document.total), itemCount: Number(document.itemCount) };
  return {
    ...document,
    total: money(document.total),
    items: document.items?.map((item) => ({ ...item, unitPrice: money(item["unitPrice"]), lineTotal: money(item["lineTotal"]) })),
    payment: document.payment == null ? null : { ...document.payment, amount: money(document.payment["amount"]) },
  };
}

/** What is still behind, in words; empty: every live view has applied everything. */
export async function behind({ writeUrl, readUrl }: Databases): Promise<string[]> {
  const heads = await connected(writeUrl, async (client) => {
    await useSchemaOf(client, "heads");
    return (await client.query<HeadRow>(headsQuery)).rows;
  });
  const checkpoints = await connected(readUrl, async (client) => {
    await useSchemaOf(client, "_generations");
    return (await client.query<CheckpointRow>(checkpointsQuery)).rows;
  });
  return heads.flatMap((head) => Object.entries(viewLogs).flatMap(([view, logs]) => {
    if (!(logs as readonly string[]).includes(head.log)) return [];
    const at = checkpoints.find((c) => c.view === view && c.log === head.log && c.partition === head.partition)?.position ?? 0;
    return at === head.position ? [] : [`${view} ${head.log}/${head.partition}: ${at} of ${head.position}`];
  }));
}

/** Locks are taken in one order everywhere (I1, I4), so the server must never have had to end a deadlock. */
export async function deadlocks({ writeUrl, readUrl }: Databases): Promise<string[]> {
  const counts = await Promise.all([writeUrl, readUrl].map((url) => connected(url, async (client) => {
    const { rows } = await client.query<{ name: string; deadlocks: number }>("select datname as name, deadlocks::int from pg_stat_database where datname = current_database()");
    return rows[0]!;
  })));
  return counts.filter((c) => c.deadlocks > 0).map((c) => `${c.deadlocks} deadlocks in ${c.name} since its server started`);
}

/** Takes the newest events of the fullest partition out of the write store, with what belongs to them, as a restored backup would lack them. */
export async function takeBack(writeUrl: string, log: string, events: number): Promise<{ readonly partition: number; readonly removed: number }> {
  return await connected(writeUrl, async (client) => {
    await useSchemaOf(client, "heads");
    await client.query("begin");
    const { rows } = await client.query<{ partition: number; position: number }>(
      "select partition, position::float8 as position from heads where log = $1 order by position desc limit 1 for update", [log]);
    const { partition, position } = rows[0]!;
    const gone = await client.query<{ command_id: string }>("delete from events where log = $1 and partition = $2 and position > $3 returning command_id", [log, partition, position - events]);
    await client.query("delete from commands where command_id = any($1)", [gone.rows.map((r) => r.command_id)]);
    await client.query("update heads set position = $3 where log = $1 and partition = $2", [log, partition, position - events]);
    await client.query("commit");
    return { partition, removed: gone.rows.length };
  });
}
