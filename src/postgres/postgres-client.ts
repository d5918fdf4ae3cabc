/** One connection of the `pg` driver: its settings, and how its errors come out. */
import type { Socket } from "node:net";
import type { Writable } from "node:stream";
import pg from "pg";
import { copyIn } from "./copy-in.ts";
import { sessionSettings } from "./database-options.ts";
import type { DatabaseOptions } from "./database-options.ts";
import { databaseError, isConnectionError, unavailable } from "./sql-errors.ts";
import type { Connection, SqlResult, Statement } from "./sql.ts";
import { asText, int8, json, oid } from "./value-types.ts";

const parsers = new Map<number, Parser>([
  [oid.int8, int8],
  [oid.json, json],
  [oid.jsonb, json],
  [oid.date, asText],
]);

type Parser = (text: string) => unknown;
/** As the driver has it; its types know only some ids and say `any`. */
const driverParser = pg.types.getTypeParser as unknown as (id: number, format?: "text" | "binary") => Parser;

const parseInt8Array = driverParser(oid.int8Array);
parsers.set(oid.int8Array, (text) => (parseInt8Array(text) as readonly (string | null)[]).map((v) => (v === null ? null : int8(v))));

const types: pg.CustomTypesConfig = {
  getTypeParser: ((id: number, format?: "text" | "binary") =>
    (format === "binary" ? undefined : parsers.get(id)) ?? driverParser(id, format)) as pg.CustomTypesConfig["getTypeParser"],
};

/** `pipeline`: the driver sends a query without waiting for the answer to the one before; it is a new option that the types do not know yet. */
export function clientConfig(url: string, options: DatabaseOptions): pg.PoolConfig & { readonly pipeline: boolean } {
  const parsed = new URL(url);
  const own = Object.entries(sessionSettings(options)).map(([name, value]) => `-c ${name}=${value.replaceAll(/[\\\s]/g, (c) => `\\${c}`)}`);
  const given = parsed.searchParams.get("options");
  // options in the URL would win over ours in the driver; here they come first, so ours count
  parsed.searchParams.delete("options");
  return {
    connectionString: parsed.href,
    options: [...(given === null ? [] : [given]), ...own].join(" "),
    application_name: options.applicationName ?? "tidemark",
    connectionTimeoutMillis: options.connectTimeoutMs ?? 10_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types,
    pipeline: true,
  };
}

/** Host, port and database: never user or password. */
export function labelOf(url: string): string {
  const { hostname, port, pathname, searchParams } = new URL(url);
  const host = hostname === "" ? (searchParams.get("host") ?? "localhost") : hostname;
  return `PostgreSQL ${host}:${port === "" ? "5432" : port}${pathname}`;
}

/** What is known of a connection: `lose` marks it lost, once, and aborts `lost`. */
export interface Watched {
  readonly lost: AbortSignal;
  lose(cause: unknown): void;
}

/** Calls `onLost` once when the connection breaks; an end that we asked for is no loss. */
export function watch(client: pg.ClientBase, label: string, onLost: () => void): Watched {
  const controller = new AbortController();
  const lose = (cause: unknown): void => {
    if (controller.signal.aborted) return;
    // the epoch first: whoever hears of the loss must already see it raised
    onLost();
    controller.abort(unavailable(cause, label));
  };
  // the driver says 'error' up to twice for one loss, and Node ends the process where nobody listens
  client.on("error", lose);
  return { lost: controller.signal, lose };
}

const toResult = <R>(result: pg.QueryResult | pg.QueryResult[]): SqlResult<R> => {
  const last = Array.isArray(result) ? result.at(-1)! : result;
  return { rows: last.rows as R[], rowCount: last.rowCount ?? 0, command: last.command };
};

const toConfig = (statement: Statement): pg.QueryConfig => ({
  text: statement.text,
  ...(statement.values === undefined ? {} : { values: [...statement.values] }),
  ...(statement.name === undefined ? {} : { name: statement.name }),
});

export async function send<R>(client: pg.ClientBase, watched: Watched, statement: Statement, label: string): Promise<SqlResult<R>> {
  const { answerTimeoutMs } = statement;
  const giveUp = () => {
    watched.lose(new Error(`no answer within ${answerTimeoutMs} ms`));
    destroy(client);
  };
  const timer = answerTimeoutMs === undefined ? undefined : setTimeout(giveUp, answerTimeoutMs);
  try {
    const { copy } = statement;
    return toResult<R>(await (copy === undefined ? client.query(toConfig(statement)) : copyIn(client, statement.text, copy)));
  } catch (error) {
    // a server that goes tells the query first, and the connection ends only after that
    if (isConnectionError(error)) watched.lose(error);
    throw databaseError(error, label);
  } finally {
    clearTimeout(timer);
  }
}

export function connectionOf(client: pg.ClientBase, watched: Watched, label: string): Connection {
  return {
    lost: watched.lost,
    query: (statement) => send(client, watched, statement, label),
    async pipeline(statements) {
      const sent = inOneWrite(client, () =>
        statements.map((statement) => send<Record<string, unknown>>(client, watched, statement, label)),
      );
      const settled = await Promise.allSettled(sent);
      return settled.map((one) => {
        if (one.status === "rejected") throw one.reason;
        return one.value;
      });
    },
    async script(sql) {
      await send(client, watched, { text: sql }, label);
    },
  };
}

/** So long a server may take to answer a goodbye, in milliseconds. */
export const goodbyeMs = 2_000;

/** Ends a connection; a server that does not answer any more is not waited for. */
export async function end(client: pg.ClientBase & { end(): Promise<void> }): Promise<void> {
  const timer = setTimeout(() => destroy(client), goodbyeMs);
  try {
    await client.end();
  } finally {
    clearTimeout(timer);
  }
}

/** What waits on the connection rejects. */
export const destroy = (client: pg.ClientBase): void => {
  (client as unknown as { readonly connection: { readonly stream: Socket } }).connection.stream.destroy();
};

/** The driver writes each statement by itself; held back until all are there, they are one system call. */
function inOneWrite<T>(client: pg.ClientBase, work: () => T): T {
  const stream = (client as { readonly connection?: { readonly stream?: Partial<Pick<Writable, "cork" | "uncork">> } }).connection?.stream;
  stream?.cork?.();
  try {
    return work();
  } finally {
    stream?.uncork?.();
  }
}
