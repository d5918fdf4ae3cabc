/**
 * Streams from the write store, many in one query: the events, or a snapshot and the events after it. Each stream is an index look-up: grouping, `limit` and scalar subqueries keep the planner from joining whole tables or streams.
 */
import type { EventStore, LoadedStream, SnapshotRow, StreamEvent } from "../runtime/ports.ts";
import { columnOf } from "./column.ts";
import { named } from "./named.ts";
import type { Database } from "./sql.ts";

type Loads = Pick<EventStore, "load" | "saveSnapshots">;

// A snapshot whose event is not there is of another history, or ahead of this one. Events come as one row for each 256 of a stream: a row for each event
// costs the reader three times as much, and one value must not grow without bound. \x1f is in no name.
const load = named(`
  with s as materialized (
    select u.i, u.log, u.stream, p.version, p.state, p.event_id
      from unnest($1::text[], $2::text[], $3::text[]) with ordinality u(log, stream, reducer, i)
      left join lateral (
        select k.version, k.state, k.event_id from snapshots k
         where k.log = u.log and k.stream = u.stream and k.reducer = u.reducer
           and k.event_id = (select e.event_id from events e where e.log = u.log and e.stream = u.stream and e.version = k.version)
         limit 1) p on true)
  select i::int as i, version::text as versions, null as types, null as schemas, state::text as data, event_id as id from s where version is not null
  union all
  select s.i::int, e.* from s, lateral (
    select string_agg(version::text, ',' order by version), string_agg(type, e'\\x1f' order by version), string_agg(schema_version::text, ',' order by version),
           '[' || string_agg(data::text, ',' order by version) || ']', (array_agg(event_id order by version))[count(*)]
      from events where log = s.log and stream = s.stream and version > coalesce(s.version, 0)
     group by version >> 8) e`);

// in one order, so that two calls of two processes do not wait for each other; a stored snapshot whose event is not there makes way
const save = named(`
  insert into snapshots as s (log, stream, version, reducer, state, event_id)
  select u.log, u.stream, u.version, u.reducer, u.state::json, u.event_id
    from unnest($1::text[], $2::text[], $3::int[], $4::text[], $5::text[], $6::uuid[]) u(log, stream, version, reducer, state, event_id)
   where u.event_id = (select e.event_id from events e where e.log = u.log and e.stream = u.stream and e.version = u.version)
   order by u.log collate "C", u.stream collate "C"
  on conflict (log, stream) do update
    set version = excluded.version, reducer = excluded.reducer, state = excluded.state, event_id = excluded.event_id, saved_at = now()
  where excluded.version > s.version or excluded.reducer <> s.reducer
     or s.event_id is distinct from (select e.event_id from events e where e.log = s.log and e.stream = s.stream and e.version = s.version)`);

interface Row {
  readonly i: number;
  readonly versions: string;
  /** Null in the row of a snapshot; its data is the state. */
  readonly types: string | null;
  readonly schemas: string | null;
  readonly data: string;
  readonly id: string;
}

export function streamLoads(database: Pick<Database, "query" | "array">): Loads {
  const column = columnOf(database);
  return {
    async load(streams) {
      const { rows } = await database.query<Row>({
        ...load,
        // no reducer is ""
        values: [
          column("text", streams, (s) => s.log),
          column("text", streams, (s) => s.stream),
          column("text", streams, (s) => s.reducer ?? ""),
        ],
      });
      const found = streams.map((): Row[] => []);
      for (const row of rows) found[row.i - 1]!.push(row);
      return found.map(toStream);
    },

    async saveSnapshots(rows) {
      if (rows.length === 0) return;
      await database.query({
        ...save,
        values: [
          column("text", rows, (row: SnapshotRow) => row.log),
          column("text", rows, (row) => row.stream),
          column("int4", rows, (row) => row.version),
          column("text", rows, (row) => row.reducer),
          column("text", rows, (row) => row.state),
          column("uuid", rows, (row) => row.eventId),
        ],
      });
    },
  };
}

function toStream(rows: readonly Row[]): LoadedStream {
  const ordered = rows.length < 2 ? rows : rows.toSorted((a, b) => Number.parseInt(a.versions) - Number.parseInt(b.versions));
  const last = ordered.at(-1);
  if (last === undefined) return { version: 0, events: [] };
  const snapshot = ordered.find((row) => row.types === null);
  const events = ordered.flatMap(toEvents);
  return {
    version: events.at(-1)?.version ?? Number(last.versions),
    lastEventId: last.id,
    ...(snapshot && { snapshot: { version: Number(snapshot.versions), state: JSON.parse(snapshot.data) as unknown } }),
    events,
  };
}

function toEvents({ versions, types, schemas, data }: Row): readonly StreamEvent[] {
  if (types === null) return [];
  const names = types.split("\x1f");
  const schemaVersions = schemas!.split(",");
  const values = JSON.parse(data) as readonly unknown[];
  // no type of ours: whoever folds it does not know it, and says so
  const type = (i: number): string => (names.length === values.length ? names[i]! : types);
  return versions
    .split(",")
    .map((version, i) => ({ version: Number(version), type: type(i), schemaVersion: Number(schemaVersions[i]), data: values[i] }));
}
