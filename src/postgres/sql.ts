/**
 * The small SQL port that one code runs on: PostgreSQL by `pg`, and PGlite in process.
 * PGlite has one connection: nothing but SQL is awaited inside `exclusive` there.
 */
export interface Statement {
  readonly text: string;
  readonly values?: readonly unknown[];
  /** A prepared statement of this name is kept by the connection. */
  readonly name?: string;
  /** A server that has not answered after so many milliseconds counts as lost (UNAVAILABLE), and the connection is broken: it may have run the statement or not. No limit unless given; PGlite has none. */
  readonly answerTimeoutMs?: number;
  /** The data of a `copy … from stdin` (the text ends so), in any cuts. Without values and name. */
  readonly copy?: readonly Uint8Array[];
}

export interface SqlResult<R> {
  readonly rows: readonly R[];
  readonly rowCount: number;
  /** The command tag's first word: a `commit` of a failed transaction answers "ROLLBACK". */
  readonly command: string;
}

export interface Connection {
  query<R = Record<string, unknown>>(statement: Statement): Promise<SqlResult<R>>;
  /**
   * Sends all statements in one go where the driver can, waits for all to settle, and throws the first error.
   * Statements after a failed `begin` would autocommit: only for sequences whose second statement refuses to run outside its own transaction.
   */
  pipeline(statements: readonly Statement[]): Promise<readonly SqlResult<Record<string, unknown>>[]>;
  /** Several statements, no parameters, no results. */
  script(sql: string): Promise<void>;
  /** Aborts when the connection breaks. */
  readonly lost: AbortSignal;
}

export interface Database {
  /** "postgres" or "pglite". */
  readonly engine: "postgres" | "pglite";
  /** For messages: host, port and database, never user or password. */
  readonly label: string;
  /** Raised at every lost connection of this database (I3). */
  readonly epoch: number;
  /** On any connection of the pool; autocommit. */
  query<R = Record<string, unknown>>(statement: Statement): Promise<SqlResult<R>>;
  /** A connection for the time of `work`, for transactions. A connection that threw is not given back to the pool in an open transaction. */
  exclusive<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  /** A connection of its own until closed (advisory locks of the session, lanes). On PGlite: the one there is. */
  dedicated(): Promise<Connection & { close(): Promise<void> }>;
  /** LISTEN on a connection of its own that reconnects by itself; `onReconnect` after each new connection but the first. */
  listen(channel: string, onPayload: (payload: string) => void, onReconnect: () => void): Promise<() => Promise<void>>;
  /** Coalesced `pg_notify` on a connection of its own with synchronous_commit off; never throws; what comes meanwhile goes with the next call, last payload by `key` wins. */
  notify(channel: string, key: string, payload: string): void;
  /** Array parameters in the form that the driver takes fastest. */
  array(type: "text" | "int4" | "int8" | "bool" | "uuid" | "float8", values: readonly unknown[]): unknown;
  close(): Promise<void>;
}
