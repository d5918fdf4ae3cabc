/** What is read of the write store. */
import { TidemarkError } from "../errors.ts";
import type { EventStore, LogIdentity, StoredEvent } from "../runtime/ports.ts";
import { columnOf } from "./column.ts";
import { named } from "./named.ts";
import { packedRow, packedSeparator, unpack } from "./packed-events.ts";
import type { Database } from "./sql.ts";

type Reads = Pick<EventStore, "openLogs" | "read" | "readToPassOn" | "heads" | "relayed" | "recordRelayed">;

const defaultPartitions = { postgres: 6, pglite: 1 } as const;

const rowsFrom =
  "select * from events where log = $1 and partition = f.partition and position >= f.position order by position limit $4::int";
/** Nothing is decompressed to be measured: what is compressed counts four times. Two rows fit whatever their size: the one that was read last, and the next. */
const measuredRows = `select *, position <= f.position + 1 or $5::bigint >=
    sum(200 + pg_column_size(metadata) + pg_column_size(data) * case when pg_column_compression(data) is null then 1 else 4 end)
      over (order by position rows unbounded preceding) as fits
    from (${rowsFrom}) n order by position`;
const starts = "unnest($2::int[], $3::bigint[]) f(partition, position)";

const rows = (source: string) =>
  named(`select $1::text as log, e.partition, e.position, e.stream, e.version, e.type, e.schema_version as "schemaVersion", e.event_id as id,
           e.command_id as "commandId", e.data::text as data, e.metadata::text as metadata
         from ${starts}, lateral (${source}) e order by e.partition, e.position`);
const allRows = rows(rowsFrom);
const fittingRows = rows(`select * from (${measuredRows}) m where m.fits`);
const packedRows = named(`select f.partition, e.packed, e.more
  from ${starts}, lateral (
    select string_agg(${packedRow}, ${packedSeparator}) filter (where r.fits) as packed, count(*) = $4::int or not bool_and(r.fits) as more from (${measuredRows}) r) e
  order by f.partition`);

export function eventReads(database: Pick<Database, "query" | "array" | "engine">): Reads {
  const column = columnOf(database);
  async function identities(logs: readonly string[]): Promise<readonly LogIdentity[]> {
    const { rows } = await database.query<LogIdentity>({
      text: `select l.log, l.log_id as "logId", l.partitions from unnest($1::text[]) with ordinality u(log, i) join logs l on l.log = u.log order by u.i`,
      values: [database.array("text", logs)],
    });
    return rows;
  }

  const valuesOf = (log: string, from: readonly { readonly partition: number; readonly position: number }[], limit: number) => [
    log,
    column("int4", from, (f) => f.partition),
    column("int8", from, (f) => f.position),
    limit,
  ];

  return {
    async openLogs(logs, partitions) {
      let found = await identities(logs);
      if (found.length < logs.length) {
        const names = database.array("text", logs);
        // one statement each, so repeated or concurrent calls meet in "do nothing"
        await database.query({
          text: `insert into logs(log, partitions) select u.log, $2::int from unnest($1::text[]) u(log) order by u.log collate "C" on conflict do nothing`,
          values: [names, partitions ?? defaultPartitions[database.engine]],
        });
      }
      await database.query({
        text: `insert into heads(log, partition) select l.log, p from logs l, generate_series(0, l.partitions - 1) p
               where l.log = any($1::text[]) and not exists (select from heads h where h.log = l.log and h.partition = p)
               order by l.log collate "C", p on conflict do nothing`,
        values: [database.array("text", logs)],
      });
      found = await identities(logs);
      for (const { log, partitions: stored } of found) {
        if (partitions !== undefined && partitions !== stored)
          throw new TidemarkError("PARTITIONS_CHANGED", { log, stored, asked: partitions });
      }
      return found;
    },

    async read(log, from, limit, maxBytes) {
      const values = valuesOf(log, from, limit);
      const { rows } =
        maxBytes === undefined
          ? await database.query<StoredEvent>({ ...allRows, values })
          : await database.query<StoredEvent>({ ...fittingRows, values: [...values, Math.floor(maxBytes / from.length)] });
      return rows;
    },

    async readToPassOn(log, from, limit, maxBytes) {
      const { rows } = await database.query<{ partition: number; packed: string | null; more: boolean }>({
        ...packedRows,
        values: [...valuesOf(log, from, limit), Math.floor(maxBytes / from.length)],
      });
      return {
        events: rows.flatMap(({ partition, packed }) => (packed === null ? [] : unpack(log, partition, packed))),
        more: rows.some(({ more }) => more),
      };
    },

    async heads(log) {
      const { rows } = await database.query<{ position: number }>({
        text: "select position from heads where log = $1 order by partition",
        values: [log],
      });
      if (rows.length === 0) throw new TidemarkError("NOT_FOUND", { what: `The log '${log}'` });
      return rows.map((r) => r.position);
    },

    async relayed(log) {
      const { rows } = await database.query<{ partition: number; position: number; topicId: string }>({
        text: `select partition, position, topic_id as "topicId" from relayed where log = $1 order by partition`,
        values: [log],
      });
      return rows;
    },

    async recordRelayed(log, rows) {
      await database.query({
        text: `insert into relayed as r (log, partition, position, topic_id)
               select $1::text, u.partition, u.position, u.topic_id from unnest($2::int[], $3::bigint[], $4::text[]) u(partition, position, topic_id) order by u.partition
               on conflict (log, partition) do update set position = excluded.position, topic_id = excluded.topic_id
               where r.topic_id <> excluded.topic_id or r.position < excluded.position`,
        values: [
          log,
          column("int4", rows, (r) => r.partition),
          column("int8", rows, (r) => r.position),
          column("text", rows, (r) => r.topicId),
        ],
      });
    },
  };
}
