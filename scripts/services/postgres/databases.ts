import pg from "pg";
import { postgresUrl } from "./cluster.ts";

/** Makes those of the databases that are not there. */
export async function createDatabases(address: string, names: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(address, "postgres") });
  await client.connect();
  try {
    for (const name of names) {
      const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [name]);
      if (!rowCount) await client.query(`create database ${client.escapeIdentifier(name)}`);
    }
  } finally {
    await client.end();
  }
}
