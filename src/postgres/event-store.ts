/** The write store on the SQL port: PostgreSQL and PGlite by the same code. */
import { murmur2 } from "../core/partition.ts";
import { TidemarkError } from "../errors.ts";
import type { EventStore } from "../runtime/ports.ts";
import { recentEvents } from "../runtime/recent-events.ts";
import { appendCall, appendOutcomes } from "./append-call.ts";
import type { AppendRow } from "./append-call.ts";
import { appendedFeed } from "./appended-feed.ts";
import { eventReads } from "./event-reads.ts";
import { migrate } from "./migrate.ts";
import { writeMigrations } from "./migrations/write/index.ts";
import { ownership } from "./ownership.ts";
import { sharedOwnership } from "./shared-ownership.ts";
import type { Database } from "./sql.ts";
import { streamLoads } from "./stream-loads.ts";

export interface EventStoreOptions {
  /** How many appends may run at a time, each on a connection of its own; the same in all processes. 4 unless given; always 1 on PGlite. */
  readonly lanes?: number;
  /** After which a database that has not answered counts as lost, in milliseconds; 30,000 unless given. */
  readonly answerTimeoutMs?: number;
}

/** How many migrations it ran. @throws SCHEMA_OUTDATED (only without `ddl`), SCHEMA_NEWER */
export const migrateWriteStore = (database: Database, options: { readonly schema: string; readonly ddl: boolean }): Promise<number> =>
  migrate(database, { schema: options.schema, ddl: options.ddl, kind: "write", migrations: writeMigrations });

/** The tables must be there: `migrateWriteStore`. Closing the store leaves the database open. */
export function eventStore(database: Database, options: EventStoreOptions = {}): EventStore {
  const lanes = database.engine === "pglite" ? 1 : Math.max(1, options.lanes ?? 4);
  const { answerTimeoutMs = 30_000 } = options;
  const connections = new Map<number, Awaited<ReturnType<Database["dedicated"]>>>();
  const closing = new AbortController();
  const recent = recentEvents(() => database.epoch);
  const withOwnership = ownership(database);
  const shareOwnership = sharedOwnership(database, withOwnership);
  const bounded: Pick<Database, "engine" | "array" | "query"> = {
    engine: database.engine,
    array: database.array,
    query: (statement) => database.query({ ...statement, answerTimeoutMs }),
  };

  async function laneConnection(lane: number) {
    const known = connections.get(lane);
    if (known !== undefined && !known.lost.aborted) return known;
    const opened = await database.dedicated();
    connections.set(lane, opened);
    return opened;
  }

  return {
    ...eventReads(bounded),
    ...streamLoads(bounded),
    ...appendedFeed(database, recent),
    recent: recent.after,
    lanes,
    laneOf: (log, partition) => ((murmur2(Buffer.from(log)) & 0x7fffffff) + partition) % lanes,
    get epoch() {
      return database.epoch;
    },
    async append(lane, commands) {
      if (closing.signal.aborted) throw new TidemarkError("CLOSED", { what: "The write store" });
      if (commands.length === 0) return [];
      const connection = await laneConnection(lane);
      const epoch = database.epoch;
      const call = appendCall(database, commands);
      const { rows } = await connection.query<AppendRow>({ ...call.statement, answerTimeoutMs });
      const outcomes = appendOutcomes(call, commands, rows[0]!);
      recent.appended(epoch, commands, outcomes);
      return outcomes;
    },
    withOwnership: (name, stop, run) => withOwnership(name, AbortSignal.any([stop, closing.signal]), run),
    shareOwnership: (name, count, stop, run) => shareOwnership(name, count, AbortSignal.any([stop, closing.signal]), run),
    async close() {
      closing.abort();
      await Promise.all([...connections.values()].map((connection) => connection.close()));
      connections.clear();
    },
  };
}
