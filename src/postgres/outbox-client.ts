/** How SQL is run on what the user has: `pg`, PGlite, Kysely or Drizzle, told apart by their methods; none of them is needed here. */
import type { Pool } from "pg";
import { TidemarkError } from "../errors.ts";
import { newId } from "../runtime/new-id.ts";

/** A `pg` client or pool, PGlite, one of its transactions, or anything else with such a method. */
export interface QueryClient {
  query(text: string, values: string[]): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface KyselyClient {
  executeQuery(query: never): Promise<{ readonly rows: readonly unknown[] }>;
}

export interface DrizzleClient {
  execute(query: never): PromiseLike<unknown>;
}

export type SqlClient = QueryClient | KyselyClient | DrizzleClient;

export interface KyselyDatabase<Tx> extends KyselyClient {
  transaction(): { execute<T>(work: (tx: Tx) => Promise<T>): Promise<T>; setIsolationLevel(level: "read committed"): unknown };
}

/** PGlite begins its transactions in the same way. */
export type DrizzleDatabase<Tx> = (DrizzleClient | QueryClient) & {
  transaction<T>(work: (tx: Tx) => Promise<T>, config?: never): Promise<T>;
};

export type OutboxDatabase<Tx> = Pool | KyselyDatabase<Tx> | DrizzleDatabase<Tx>;

type Members = Readonly<Record<string, unknown>>;
const has = (value: object, method: string): boolean => typeof (value as Members)[method] === "function";

const isKysely = (client: object): client is KyselyClient => has(client, "executeQuery");
const isDrizzle = (client: object): client is DrizzleClient => has(client, "execute");

/** Runs one of Tidemark's functions, from text to text, so that no type parser and no plugin of the user's changes anything. */
export async function callFunction(client: SqlClient, schema: string, name: string, input: unknown): Promise<unknown> {
  const rows = await run(client, `select ${schema}.${name}($1) as answer`, [JSON.stringify(input)]);
  const { answer } = rows[0] as { readonly answer: unknown };
  // some plugins parse whatever looks like JSON
  return typeof answer === "string" ? (JSON.parse(answer) as unknown) : answer;
}

export async function run(client: SqlClient, text: string, values: readonly string[]): Promise<readonly unknown[]> {
  if (isKysely(client)) {
    const query = {
      sql: text,
      parameters: values,
      query: { kind: "RawNode", sqlFragments: [text], parameters: [] },
      queryId: { queryId: newId() },
    };
    return (await client.executeQuery(query as never)).rows;
  }
  if (isDrizzle(client)) {
    const query = { toQuery: () => ({ sql: text, params: [...values], typings: values.map(() => "none") }) };
    const result = (await client.execute({ getSQL: () => query } as never)) as readonly unknown[] | { readonly rows: readonly unknown[] };
    return "rows" in result ? result.rows : result;
  }
  return (await client.query(text, [...values])).rows;
}

/** @throws INVALID_DEFINITION where it is known to be outside a transaction: the events would be there, whatever becomes of the user's own writes */
export function requireTransaction(tx: object): void {
  if (isOutside(tx))
    throw new TidemarkError("INVALID_DEFINITION", { what: "publish needs the transaction that the user's own writes are made in." });
}

/** As far as it can tell. */
function isOutside(tx: object): boolean {
  if (isKysely(tx)) return (tx as { readonly isTransaction?: unknown }).isTransaction === false;
  if (has(tx, "getTransactionStatus")) return (tx as { getTransactionStatus(): unknown }).getTransactionStatus() === "I";
  if (has(tx, "rollback")) return false;
  // a pool of `pg`; Drizzle or PGlite themselves
  return "totalCount" in tx || has(tx, "transaction");
}

/** Begins a transaction at READ COMMITTED, commits it when `work` is done, and takes it back when that throws. */
export async function inTransaction<Tx, T>(database: OutboxDatabase<Tx>, work: (tx: Tx) => Promise<T>): Promise<T> {
  if (isKysely(database)) {
    const begin = database.transaction();
    return (begin.setIsolationLevel("read committed") as typeof begin).execute(work);
  }
  if (has(database, "transaction")) {
    return (database as DrizzleDatabase<Tx>).transaction(work, { isolationLevel: "read committed" } as never);
  }
  const client = await (database as Pool).connect();
  let broken = false;
  // a connection that breaks between two statements tells the next one; Node would end the process where nobody listens
  const lost = () => (broken = true);
  client.on("error", lost);
  try {
    await client.query("begin isolation level read committed");
    const result = await work(client as Tx);
    // the commit of a failed transaction succeeds, with this tag: an error in it was caught by `work`
    const { command } = await client.query("commit");
    if (command === "ROLLBACK")
      throw new TidemarkError("UNAVAILABLE", { what: "The outbox's transaction (a statement in it failed, so it was rolled back)" });
    return result;
  } catch (error) {
    // the first error is the one to tell; a connection that cannot even roll back is thrown away
    await client.query("rollback").catch(lost);
    throw error;
  } finally {
    client.off("error", lost);
    client.release(broken);
  }
}
