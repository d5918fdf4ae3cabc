/** Plain SQL for looking at a store: on a PostgreSQL server, or on the data folder of a stopped embedded service. */
import { PGlite } from "@electric-sql/pglite";
import pg from "pg";

export interface Sql {
  rows<T>(text: string, values?: readonly unknown[]): Promise<T[]>;
}

/** `{ url }`: a server's database. `{ dataDir }`: a PGlite folder that no process has open. */
export type Place = { readonly url: string } | { readonly dataDir: string };

export async function withSql<T>(place: Place, work: (sql: Sql) => Promise<T>): Promise<T> {
  if ("url" in place) {
    const client = new pg.Client({ connectionString: place.url });
    await client.connect();
    try {
      return await work({
        rows: async <R>(text: string, values: readonly unknown[] = []) => (await client.query(text, [...values])).rows as R[],
      });
    } finally {
      await client.end();
    }
  }
  const lite = await PGlite.create(place.dataDir);
  try {
    return await work({ rows: async <R>(text: string, values: readonly unknown[] = []) => (await lite.query<R>(text, [...values])).rows });
  } finally {
    await lite.close();
  }
}

/** The schema's name depends on the service's prefix: takes the one that has `table`. */
export async function useSchemaOf(sql: Sql, table: string): Promise<void> {
  const schemas = await sql.rows<{ schema: string }>(
    "select quote_ident(table_schema) as schema from information_schema.tables where table_name = $1",
    [table],
  );
  if (schemas.length !== 1) throw new Error(`${schemas.length} schemas have a table ${table}, expected one.`);
  await sql.rows(`set search_path to ${schemas[0]!.schema}`);
}
