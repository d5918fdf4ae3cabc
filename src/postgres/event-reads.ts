/** What is read of the write store. Statements have no name: a plan made while the tables were empty is not kept. */
import { TidemarkError } from "../errors.ts";
import type { EventStore, LogIdentity, StoredEvent, StreamEvent } from "../runtime/ports.ts";
import type { Database } from "./sql.ts";

type Reads = Pick<EventStore, "openLogs" | "load" | "read" | "heads" | "relayed" | "recordRelayed">;

const defaultPartitions = { postgres: 6, pglite: 1 } as const;

export function eventReads(database: Pick<Database, "query" | "array" | "engine">): Reads {
  async function identities(logs: readonly string[]): Promise<readonly LogIdentity[]> {
    const { rows } = await database.query<LogIdentity>({
      text: `select l.log, l.log_id as "logId", l.partitions from unnest($1::text[]) with ordinality u(log, i) join logs l on l.log = u.log order by u.i`,
      values: [database.array("text", logs)],
    });
    return rows;
  }

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

    async load(streams) {
      const { rows } = await database.query<{ i: number } & StreamEvent>({
        text: `select u.i::int as i, e.version, e.type, e.schema_version as "schemaVersion", e.data
               from unnest($1::text[], $2::text[]) with ordinality u(log, stream, i),
                 lateral (select version, type, schema_version, data from events where log = u.log and stream = u.stream order by version) e
               order by u.i, e.version`,
        values: [
          database.array(
            "text",
            streams.map((s) => s.log),
          ),
          database.array(
            "text",
            streams.map((s) => s.stream),
          ),
        ],
      });
      const loaded = streams.map(() => ({ version: 0, events: [] as StreamEvent[] }));
      for (const { i, ...event } of rows) {
        const stream = loaded[i - 1]!;
        stream.version = event.version;
        stream.events.push(event);
      }
      return loaded;
    },

    async read(log, from, limit) {
      const { rows } = await database.query<StoredEvent>({
        text: `select $1::text as log, e.partition, e.position, e.stream, e.version, e.type, e.schema_version as "schemaVersion", e.event_id as id,
                 e.command_id as "commandId", e.data::text as data, e.metadata::text as metadata
               from unnest($2::int[], $3::bigint[]) f(partition, position),
                 lateral (select * from events where log = $1 and partition = f.partition and position >= f.position order by position limit $4::int) e
               order by e.partition, e.position`,
        values: [
          log,
          database.array(
            "int4",
            from.map((f) => f.partition),
          ),
          database.array(
            "int8",
            from.map((f) => f.position),
          ),
          limit,
        ],
      });
      return rows;
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
          database.array(
            "int4",
            rows.map((r) => r.partition),
          ),
          database.array(
            "int8",
            rows.map((r) => r.position),
          ),
          database.array(
            "text",
            rows.map((r) => r.topicId),
          ),
        ],
      });
    },
  };
}
