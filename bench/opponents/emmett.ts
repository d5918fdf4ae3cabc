/** Emmett's PostgreSQL event store and its command handler, with its default schema, as its documentation shows it; only the pool's size is ours. */
import { checkCounts } from "../setup/check-write-store.ts";

/** Its own driver, of which we say no more than is used. */
interface Driver {
  readonly default: { readonly Pool: new (options: { readonly connectionString: string; readonly max: number }) => Pool };
}
interface Pool {
  on(event: "error", listener: (error: Error) => void): unknown;
  end(): Promise<void>;
}
interface Store {
  readonly schema: { migrate(): Promise<unknown> };
  close(): Promise<void>;
}
type PlainEvent = { readonly type: string; readonly data: object };
type Handle<State> = (
  store: Store,
  id: string,
  decide: (state: State) => PlainEvent,
  options?: { readonly retry: { readonly onVersionConflict: RetryOptions } },
) => Promise<{ readonly nextExpectedStreamVersion: bigint }>;

/** As of the package `async-retry`. */
interface RetryOptions {
  readonly retries: number;
  readonly minTimeout: number;
  readonly maxTimeout?: number;
  readonly factor: number;
  shouldRetryError?(error: unknown): boolean;
}
interface Emmett {
  CommandHandler<State>(options: {
    readonly evolve: (state: State, event: PlainEvent) => State;
    readonly initialState: () => State;
  }): Handle<State>;
  isExpectedVersionConflictError(error: unknown): boolean;
}
interface EmmettPostgres {
  getPostgreSQLEventStore(url: string, options: { readonly connectionOptions: { readonly pool: Pool } }): Store;
}

/** The best of 5 to 80 connections on 2 cores, with 64 callers and with 256. */
export const emmettPoolSize = 20;

/** TypeScript does not look for what is named by a variable: node_modules is there only once a benchmark has run. */
const load = async <T>(name: string): Promise<T> => (await import(name)) as T;

export interface EmmettOptions<State> {
  /** Connections; a command holds one from its read to its commit. */
  readonly poolSize: number;
  readonly evolve: (state: State, event: PlainEvent) => State;
  readonly initialState: () => State;
  /** Repeats where another command was quicker; none unless given. */
  readonly retries?: number;
}

export interface EmmettSide<State> {
  execute(stream: string, decide: (state: State) => PlainEvent): Promise<void>;
  /** Commands that ended with a conflict after all repeats, and repeats in all. */
  readonly conflicts: { readonly failed: number; readonly repeated: number };
  close(): Promise<void>;
}

export async function openEmmett<State>(
  url: string,
  { poolSize, evolve, initialState, retries }: EmmettOptions<State>,
): Promise<EmmettSide<State>> {
  const [{ CommandHandler, isExpectedVersionConflictError }, { getPostgreSQLEventStore }, driver] = await Promise.all([
    load<Emmett>("@event-driven-io/emmett"),
    load<EmmettPostgres>("@event-driven-io/emmett-postgresql"),
    load<Driver>("pg"),
  ]);
  const pool = new driver.default.Pool({ connectionString: url, max: poolSize });
  // a connection that ends while it is idle is told here, and to nobody else
  pool.on("error", (error) => console.error("Emmett's pool:", error.message));
  const store = getPostgreSQLEventStore(url, { connectionOptions: { pool } });
  await store.schema.migrate();
  const handle = CommandHandler({ evolve, initialState });
  const conflicts = { failed: 0, repeated: 0 };
  const options =
    retries === undefined
      ? undefined
      : {
          retry: {
            onVersionConflict: {
              retries,
              minTimeout: 5,
              maxTimeout: 100,
              factor: 1.5,
              shouldRetryError: (error: unknown) => {
                const again = isExpectedVersionConflictError(error);
                if (again) conflicts.repeated += 1;
                return again;
              },
            },
          },
        };
  return {
    conflicts,
    async execute(stream, decide) {
      try {
        await handle(store, `orders-${stream}`, decide, options);
      } catch (error) {
        if (!isExpectedVersionConflictError(error)) throw error;
        conflicts.failed += 1;
      }
    },
    async close() {
      await store.close();
      await pool.end();
    },
  };
}

/** @throws where a message is missing or too much, or a stream has a gap */
export const checkEmmett = (url: string, events: number): Promise<void> =>
  checkCounts(
    url,
    {
      "messages": "select count(*) from emt_messages",
      "streams whose positions have a gap":
        "select count(*) from (select from emt_messages group by stream_id having count(*) <> max(stream_position) or min(stream_position) <> 1) x",
      "streams that do not stand at their last message": `select count(*) from emt_streams s where stream_position <>
        (select count(*) from emt_messages m where m.stream_id = s.stream_id)`,
    },
    { "messages": events, "streams whose positions have a gap": 0, "streams that do not stand at their last message": 0 },
  );
