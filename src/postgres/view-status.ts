/** Where each generation stands, and the ends of the logs as projections last saw them. Ages are by the database's clock. */
import type { AnyView } from "../core/definition.ts";
import type { Checkpoint, Failure, Generation, KnownEnd, ViewStatus, ViewStore } from "../runtime/ports.ts";
import { isMissing } from "./sql-errors.ts";
import type { Database } from "./sql.ts";
import { checkpointOf } from "./view-checkpoints.ts";
import { generationList } from "./view-generations.ts";
import { named, shared } from "./view-names.ts";

interface GenerationRow extends Generation {
  readonly caughtUpAgoMs: number | null;
}

interface CheckpointRow extends Checkpoint {
  readonly view: string;
  readonly generation: number;
  readonly updatedAt: string;
  readonly failure: Omit<Failure, "log" | "partition"> | null;
}

const time = (column: string): string => `to_char(${column} at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
const since = (column: string): string => `extract(epoch from clock_timestamp() - ${column})::float8 * 1000`;

const rows = (select: string): string => `(select coalesce(json_agg(r), '[]'::json) from (${select}) r)`;

// One statement, one snapshot: a query that waits asks this again and again. $1 views, $2 logs.
const readStatus = named(
  "select " +
    [
      `${rows(`select ${generationList}, ${since("caught_up_at")} as "caughtUpAgoMs" from ${shared.generations} where view = any($1::text[]) order by view, generation`)} as generations`,
      `${rows(
        `select view, generation, log, partition, position, event_id as "eventId", log_id as "logId", hint, failure, ${time("updated_at")} as "updatedAt" ` +
          `from ${shared.checkpoints} where view = any($1::text[]) order by view, generation, log, partition`,
      )} as checkpoints`,
      `${rows(`select log, partition, position, greatest(0, ${since("recorded_at")}) as "ageMs" from ${shared.ends} where log = any($2::text[]) order by log, partition`)} as ends`,
    ].join(", "),
);

interface StatusRow {
  readonly generations: readonly GenerationRow[];
  readonly checkpoints: readonly CheckpointRow[];
  readonly ends: readonly KnownEnd[];
}

const upsertEnds = named(
  `insert into ${shared.ends}(log, partition, position, recorded_at) ` +
    'select u.log, u.partition, u.position, clock_timestamp() from unnest($1::text[], $2::int[], $3::bigint[]) u(log, partition, position) order by u.log collate "C", u.partition ' +
    `on conflict (log, partition) do update set position = greatest(${shared.ends}.position, excluded.position), recorded_at = excluded.recorded_at`,
);

// caught up as of the oldest of the recorded ends; a generation that somebody else is writing is left out rather than waited for
const markCaughtUp = named(
  `with consumed as (select u.view, e.log, e.partition, e.position, e.recorded_at from unnest($1::text[], $2::text[]) u(view, log) join ${shared.ends} e on e.log = u.log), ` +
    `caught_up as (select g.view, g.generation, min(c.recorded_at) as as_of from ${shared.generations} g join consumed c on c.view = g.view ` +
    `left join ${shared.checkpoints} p on p.view = g.view and p.generation = g.generation and p.log = c.log and p.partition = c.partition ` +
    "where g.state <> 'retired' group by g.view, g.generation having bool_and(coalesce(p.position, 0) >= c.position) " +
    "and count(distinct c.log) = (select count(*) from unnest($1::text[]) v where v = g.view)), " +
    `free as (select g.view, g.generation from ${shared.generations} g where (g.view, g.generation) in (select view, generation from caught_up) order by g.view, g.generation for update skip locked) ` +
    `update ${shared.generations} g set caught_up_at = greatest(g.caught_up_at, c.as_of) from caught_up c join free f using (view, generation) where g.view = c.view and g.generation = c.generation`,
);

/** `store`: the kind of store that the answer is for. */
export function viewStatus(database: Database, store: string): Pick<ViewStore, "status" | "recordEnds"> {
  return {
    async status(views) {
      const names = views.map(({ name }) => name);
      const logs = [...new Set(views.flatMap((view) => view.logs))];
      try {
        const found = await database.query<StatusRow>({
          ...readStatus,
          values: [database.array("text", names), database.array("text", logs)],
        });
        const { generations, checkpoints, ends } = found.rows[0]!;
        return views.map((view) => statusOf(view, store, generations, checkpoints, ends));
      } catch (error) {
        // a query process creates nothing: there is none before the first migration
        if (isMissing(error)) return views.map((view) => statusOf(view, store, [], [], []));
        throw error;
      }
    },
    async recordEnds(ends, views) {
      if (ends.length === 0) return;
      const consumed = views.flatMap((view) => view.logs.map((log) => ({ view: view.name, log })));
      const sorted = [
        database.array(
          "text",
          ends.map(({ log }) => log),
        ),
        database.array(
          "int4",
          ends.map(({ partition }) => partition),
        ),
        database.array(
          "int8",
          ends.map(({ position }) => position),
        ),
      ];
      await database.query({ ...upsertEnds, values: sorted });
      if (consumed.length === 0) return;
      await database.query({
        ...markCaughtUp,
        values: [
          database.array(
            "text",
            consumed.map(({ view }) => view),
          ),
          database.array(
            "text",
            consumed.map(({ log }) => log),
          ),
        ],
      });
    },
  };
}

function statusOf(
  view: AnyView,
  store: string,
  generations: readonly GenerationRow[],
  checkpoints: readonly CheckpointRow[],
  ends: readonly KnownEnd[],
): ViewStatus {
  const own = generations.filter((g) => g.view === view.name);
  return {
    view: view.name,
    store,
    generations: own.map(({ caughtUpAgoMs: _, ...generation }) => {
      const rows = checkpoints.filter((c) => c.view === view.name && c.generation === generation.generation);
      return {
        ...generation,
        checkpoints: rows.map((row) => ({ ...checkpointOf(row), updatedAt: row.updatedAt })),
        failures: rows.flatMap(({ log, partition, failure }): Failure[] => (failure === null ? [] : [{ log, partition, ...failure }])),
      };
    }),
    ends: ends.filter(({ log }) => view.logs.includes(log)),
    caughtUpAgoMs: new Map(
      own.flatMap(({ generation, caughtUpAgoMs }): [number, number][] =>
        caughtUpAgoMs === null ? [] : [[generation, Math.max(0, caughtUpAgoMs)]],
      ),
    ),
  };
}
