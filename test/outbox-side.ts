/** A write store with logs, and what users have beside it, for tests of the outbox. */
import type { TestContext } from "node:test";
import pg from "pg";
import { z } from "zod";
import { eventLog } from "../src/core/event-log.ts";
import { partitionOf } from "../src/core/partition.ts";
import { eventStore, migrateWriteStore, openDatabase } from "../src/postgres/index.ts";
import type { Database } from "../src/postgres/sql.ts";
import type { EventStore, LogIdentity } from "../src/runtime/ports.ts";
import { postgres, type TestPostgres } from "./services.ts";

export const schema = "tidemark_test";

const events = { Reserved: z.object({ quantity: z.int() }), Noted: z.object({ note: z.string() }) };
export const products = eventLog("products", { id: "productId", events });
export const orders = eventLog("orders", { id: "orderId", events });

export interface OutboxSide {
  readonly url: string;
  readonly database: Database;
  readonly store: EventStore;
  readonly identities: ReadonlyMap<string, LogIdentity>;
  /** The user's own; one of the type that the test wants is made by the test itself. */
  readonly pool: pg.Pool;
  /** Runs before the database goes, last added first. */
  defer(close: () => unknown): void;
  /** What a reader of all events of a log sees, by partition and position. */
  all(log?: string): Promise<readonly { partition: number; position: number; stream: string; version: number; data: string }[]>;
  /** What must never be: gaps, doubles, wrong versions or partitions, pending rows. */
  faults(): Promise<readonly unknown[]>;
}

export const partitions = 4;

export async function outboxSide(t: TestContext, server?: TestPostgres, max = 10): Promise<OutboxSide> {
  const created = await (server ?? (await postgres())).createDatabase();
  const database = await openDatabase({ url: created.url }, { schema });
  await migrateWriteStore(database, { schema, ddl: true });
  const store = eventStore(database);
  const found = await store.openLogs(["products", "orders"], partitions);
  const pool = new pg.Pool({ connectionString: created.url, max });
  // a server that goes ends idle connections
  pool.on("error", () => undefined);
  await pool.query("create table stock(id text primary key, quantity int not null check (quantity >= 0))");
  const closers: (() => unknown)[] = [];
  t.after(async () => {
    for (const close of closers.toReversed()) await close();
    await pool.end();
    await store.close();
    await database.close();
    await created.drop();
  });
  return {
    url: created.url,
    database,
    store,
    identities: new Map(found.map((identity) => [identity.log, identity])),
    pool,
    defer: (close) => void closers.push(close),
    async all(log = "products") {
      const rows = await store.read(
        log,
        Array.from({ length: partitions }, (_, partition) => ({ partition, position: 1 })),
        1_000_000,
      );
      return rows.map(({ partition, position, stream, version, data }) => ({ partition, position, stream, version, data }));
    },
    async faults() {
      const { rows } = await database.query({
        text: `select 'head' as what, h.log, h.partition::text as at from heads h left join events e using (log, partition) group by h.log, h.partition, h.position
                having count(e.position) <> h.position or coalesce(max(e.position), 0) <> h.position or coalesce(min(e.position), 1) <> 1
               union all select 'versions', log, stream from events group by log, stream having count(*) <> max(version) or min(version) <> 1
               union all select 'order', log, stream from (select log, stream, position - lag(position) over (partition by log, stream order by version) as step from events) x where step <= 0
               union all select 'pending', log, stream from outbox
               union all select 'turn', transaction::text, turn::text from outbox_turns`,
      });
      const { rows: places } = await database.query<{ stream: string; partition: number }>({
        text: "select distinct stream, partition from events",
      });
      return [...rows, ...places.filter(({ stream, partition }) => partitionOf(stream, partitions) !== partition)];
    },
  };
}

/** So many streams of different partitions, in the partitions' order. */
export const streamsApart: readonly string[] = Array.from({ length: partitions }, (_, partition) => {
  for (let n = 0; ; n++) if (partitionOf(`p-${n}`, partitions) === partition) return `p-${n}`;
});
