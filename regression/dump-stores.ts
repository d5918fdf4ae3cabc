/** What the two databases hold, by plain SQL as their superuser. */
import { viewLogs } from "./check-views.ts";
import type { CheckpointRow, EventRow, HeadRow, StoredCommand, Stores, ViewDocument } from "./history.ts";
import type { Place } from "./sql.ts";
import { useSchemaOf, withSql } from "./sql.ts";

export interface Databases {
  readonly write: Place;
  readonly read: Place;
}

const headsQuery = "select log, partition, position::float8 as position from heads order by log, partition";
const checkpointsQuery = `select c.view, c.log, c.partition, c.position::float8 as position, c.event_id as "eventId"
  from _checkpoints c join _generations g using (view, generation) where g.state = 'live' order by 1, 2, 3`;

/** The write store's part of a dump. */
export async function dumpWriteStore(write: Place): Promise<Pick<Stores, "logs" | "heads" | "events" | "commands">> {
  return await withSql(write, async (sql) => {
    await useSchemaOf(sql, "heads");
    return {
      logs: await sql.rows<Stores["logs"][number]>(`select log, log_id::text as "logId", partitions from logs order by log`),
      heads: await sql.rows<HeadRow>(headsQuery),
      events: await sql.rows<EventRow>(`select log, partition, position::float8 as position, stream, version, type, event_id::text as id,
        command_id as "commandId", data::text as data, metadata::text as metadata from events order by log, partition, position`),
      commands: await sql.rows<StoredCommand>(
        `select command_id as "commandId", log, stream, version, kind = 'e' as "withEvents" from commands`,
      ),
    };
  });
}

/** The read store's part of a dump: live generations only. */
export async function dumpReadStore(read: Place): Promise<Pick<Stores, "checkpoints" | "documents">> {
  return await withSql(read, async (sql) => {
    await useSchemaOf(sql, "_generations");
    const checkpoints = await sql.rows<CheckpointRow>(checkpointsQuery);
    const documents: ViewDocument[] = [];
    for (const view of Object.keys(viewLogs) as ViewDocument["view"][]) {
      const live = await sql.rows<{ generation: number }>("select generation from _generations where view = $1 and state = 'live'", [view]);
      const rows = await sql.rows<TableRow>(`select * from ${view}_g${live[0]?.generation} where _held`);
      documents.push(...rows.map((row) => documentOf(view, row)));
    }
    return { checkpoints, documents };
  });
}

interface TableRow {
  readonly _key: string;
  readonly _held: boolean;
  readonly _version: string | number;
  readonly _updated: string;
  readonly _rest: object | null;
}

function documentOf(view: ViewDocument["view"], { _key, _held, _version, _updated, _rest, ...row }: TableRow): ViewDocument {
  const document = { ...row, ..._rest };
  return {
    view,
    key: _key,
    document: view === "customer_profiles" ? document : inDecimals(view, document),
    version: Number(_version),
    lastUpdated: _updated,
  };
}

const money = (minor: unknown) => (Number(minor) / 100).toFixed(2);

/** Money is kept in minor units; counts may come from the driver as text. */
function inDecimals(view: string, stored: object): object {
  const document = stored as {
    total: unknown;
    itemCount?: unknown;
    items?: Record<string, unknown>[];
    payment?: Record<string, unknown> | null;
  };
  if (view === "order_summaries") return { ...document, total: money(document.total), itemCount: Number(document.itemCount) };
  return {
    ...document,
    total: money(document.total),
    items: document.items?.map((item) => ({ ...item, unitPrice: money(item["unitPrice"]), lineTotal: money(item["lineTotal"]) })),
    payment: document.payment == null ? null : { ...document.payment, amount: money(document.payment["amount"]) },
  };
}

/** What is still behind, in words; empty: every live view has applied everything. */
export async function behind({ write, read }: Databases): Promise<string[]> {
  const heads = await withSql(write, async (sql) => {
    await useSchemaOf(sql, "heads");
    return await sql.rows<HeadRow>(headsQuery);
  });
  const checkpoints = await withSql(read, async (sql) => {
    await useSchemaOf(sql, "_generations");
    return await sql.rows<CheckpointRow>(checkpointsQuery);
  });
  return heads.flatMap((head) =>
    Object.entries(viewLogs).flatMap(([view, logs]) => {
      if (!(logs as readonly string[]).includes(head.log)) return [];
      const at = checkpoints.find((c) => c.view === view && c.log === head.log && c.partition === head.partition)?.position ?? 0;
      return at === head.position ? [] : [`${view} ${head.log}/${head.partition}: ${at} of ${head.position}`];
    }),
  );
}

/** Locks are taken in one order everywhere (I1, I4), so the server must never have had to end a deadlock. */
export async function deadlocks({ write, read }: Databases): Promise<string[]> {
  const counts = await Promise.all(
    [write, read].map((place) =>
      withSql(place, async (sql) => {
        const rows = await sql.rows<{ name: string; deadlocks: number }>(
          "select datname as name, deadlocks::int from pg_stat_database where datname = current_database()",
        );
        return rows[0]!;
      }),
    ),
  );
  return counts.filter((c) => c.deadlocks > 0).map((c) => `${c.deadlocks} deadlocks in ${c.name} since its server started`);
}

/** Takes the newest events of the fullest partition out of the write store, with what belongs to them, as a restored backup would lack them. */
export async function takeBack(
  write: Place,
  log: string,
  events: number,
): Promise<{ readonly partition: number; readonly removed: number }> {
  return await withSql(write, async (sql) => {
    await useSchemaOf(sql, "heads");
    await sql.rows("begin");
    const [head] = await sql.rows<{ partition: number; position: number }>(
      "select partition, position::float8 as position from heads where log = $1 order by position desc limit 1 for update",
      [log],
    );
    const { partition, position } = head!;
    const gone = await sql.rows<{ command_id: string }>(
      "delete from events where log = $1 and partition = $2 and position > $3 returning command_id",
      [log, partition, position - events],
    );
    await sql.rows("delete from commands where command_id = any($1)", [gone.map((r) => r.command_id)]);
    await sql.rows("update heads set position = $3 where log = $1 and partition = $2", [log, partition, position - events]);
    await sql.rows("commit");
    return { partition, removed: gone.length };
  });
}
