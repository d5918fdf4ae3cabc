/** The view store on the SQL port: PostgreSQL and PGlite by the same code. */
import { TidemarkError } from "../errors.ts";
import type { ViewProjection, ViewStore } from "../runtime/ports.ts";
import { sqlStore, sqlTables } from "./generation-tables.ts";
import { migrate } from "./migrate.ts";
import { viewMigrations } from "./migrations/views/index.ts";
import { ownership } from "./ownership.ts";
import type { Database } from "./sql.ts";
import { applyConnections } from "./view-apply-connections.ts";
import { viewGenerations } from "./view-generations.ts";
import { viewProjection } from "./view-projection.ts";
import { viewQueries } from "./view-queries.ts";
import { shapeOf } from "./view-shape.ts";
import { viewStatus } from "./view-status.ts";
import { viewWake } from "./view-wake.ts";

/**
 * For the `settings` of the database that a view store is opened on. All it does are look-ups by key or by a declared index; on a table that
 * is still empty the planner would choose a sequential scan for them, and prepared statements keep their plan while the table grows.
 */
export interface ViewStoreOptions {
  /** The database's schema: where migrations look for their table. */
  readonly schema: string;
  /** How many applies may run at a time, each on a connection of its own; 4 unless given; always 1 on PGlite. */
  readonly applyConnections?: number;
}

/** The tables are made by `migrate`. Closing it ends its connections and leaves the database open. */
export function postgresViewStore(database: Database, options: ViewStoreOptions): ViewStore {
  const wake = viewWake(database);
  const connections = applyConnections(database, Math.max(1, options.applyConnections ?? 4));
  const closing = new AbortController();
  const withOwnership = ownership(database);
  const open = <T>(value: T): T => {
    if (closing.signal.aborted) throw new TidemarkError("CLOSED", { what: `The view store on ${database.label}` });
    return value;
  };

  return {
    name: database.engine,
    async migrate({ ddl }) {
      await migrate(database, { schema: options.schema, kind: "views", migrations: viewMigrations, ddl });
    },
    accept(view) {
      shapeOf(view);
    },
    ...viewGenerations(database, wake, sqlTables(database)),
    projection: (view, generation): ViewProjection => viewProjection(database, open(connections), wake, view, generation),
    ...viewQueries(database),
    ...viewStatus(database, sqlStore),
    onCheckpoint: wake.onCheckpoint,
    onGenerations: wake.onGenerations,
    withOwnership: (name, stop, run) => withOwnership(name, AbortSignal.any([stop, closing.signal]), run),
    async close() {
      closing.abort();
      await connections.close();
    },
  };
}
