import { TidemarkError } from "../errors.ts";
import type { ImageCache } from "./pglite-image.ts";

export interface DatabaseOptions {
  /** All tables of this database live in this schema: it is the search path. */
  readonly schema: string;
  /** Seen in pg_stat_activity. "tidemark" unless given. */
  readonly applicationName?: string;
  /** Connections of the pool (dedicated ones come on top); 10 unless given. */
  readonly poolSize?: number;
  /** How long to wait for a connection, in milliseconds; 10,000 unless given. */
  readonly connectTimeoutMs?: number;
  /** Settings of every session, such as `{ work_mem: "16MB" }`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** PGlite only: where a fresh cluster is kept, so that the next new one starts in a third of the time. */
  readonly image?: ImageCache;
}

/**
 * Settings of every session: positions are locked under READ COMMITTED (I1); all statements are look-ups by key or index, for which JIT never pays
 * and a sequential scan is a plan from when the table was empty, which a prepared statement would keep; their plans do not depend on their parameters,
 * and planning one anew often costs more than running it; times are UTC.
 */
export function sessionSettings(options: DatabaseOptions): Readonly<Record<string, string>> {
  return {
    default_transaction_isolation: "read committed",
    jit: "off",
    enable_seqscan: "off",
    plan_cache_mode: "force_generic_plan",
    TimeZone: "UTC",
    DateStyle: "ISO",
    ...options.settings,
    search_path: `"${checkSchema(options.schema)}"`,
  };
}

export function checkSchema(schema: string): string {
  if (/^[A-Za-z_][A-Za-z0-9_$-]{0,62}$/.test(schema)) return schema;
  throw new TidemarkError("INVALID_SETTING", {
    setting: "schema",
    problem: `'${schema}' is not a name of 1 to 63 letters, digits, '_', '-' or '$' that starts with a letter or '_'`,
  });
}
