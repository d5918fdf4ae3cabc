/** A transaction that has written and stays open, in another database of the same cluster: what reads a log by transaction ids would wait for it. */
import pg from "pg";
import type { TestPostgres } from "../test/services.ts";

export interface HeldTransaction {
  /** The transaction's id and for how long it has been open, as the server says. @throws where it is no longer open */
  check(): Promise<{ readonly xid: string; readonly openMs: number }>;
  close(): Promise<void>;
}

export async function holdTransaction(postgres: TestPostgres, name: string): Promise<HeldTransaction> {
  const database = await postgres.createDatabase(name);
  const client = new pg.Client({ connectionString: database.url });
  const lost: Error[] = [];
  client.on("error", (error) => lost.push(error));
  await client.connect();
  await client.query("create table held(n int)");
  await client.query("begin");
  await client.query("insert into held values (1)");
  return {
    async check() {
      if (lost[0] !== undefined) throw lost[0];
      const { rows } = await client.query<{ xid: string; open: number }>(
        "select pg_current_xact_id()::text as xid, extract(epoch from clock_timestamp() - now())::float8 * 1000 as open",
      );
      return { xid: rows[0]!.xid, openMs: Math.round(rows[0]!.open) };
    },
    async close() {
      await client.end();
    },
  };
}
