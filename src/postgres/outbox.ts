/**
 * The outbox: events of models that are kept in the user's own tables, published in the user's own transaction. They get their positions when it commits
 * (I1); the relay, the views and the tokens are the same as for events of commands.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import type { Pool, PoolClient } from "pg";
import type { AnyAggregate } from "../core/definition.ts";
import type { NewEventOf } from "../core/message-types.ts";
import type { NewEvent } from "../core/message.ts";
import { partitionOf } from "../core/partition.ts";
import { formatToken, type Token, type TokenPart } from "../core/token.ts";
import { TidemarkError } from "../errors.ts";
import type { CommandContext } from "../runtime/app.ts";
import { checkIds } from "../runtime/command-job.ts";
import { toStoredEvents } from "../runtime/envelope.ts";
import { newId } from "../runtime/new-id.ts";
import type { Clock } from "../runtime/ports.ts";
import { appendedChannel } from "./appended-feed.ts";
import { channelName, quoteIdentifier } from "./channel.ts";
import { checkSchema } from "./database-options.ts";
import { notifier } from "./notifier.ts";
import {
  callFunction,
  type DrizzleDatabase,
  inTransaction,
  type KyselyDatabase,
  type OutboxDatabase,
  requireTransaction,
  run,
  type SqlClient,
} from "./outbox-client.ts";
import { outboxError } from "./outbox-errors.ts";
import { databaseError } from "./sql-errors.ts";

export interface OutboxOptions {
  /** Of the write store: TIDEMARK_PREFIX and "tidemark"; "tidemark" unless given. */
  readonly schema?: string;
  /** Largest event (key, value, headers) in bytes; 1,000,000 unless given, as for commands. */
  readonly maxEventBytes?: number;
  /** The system's unless given. */
  readonly clock?: Clock;
}

export interface PublishOptions extends CommandContext {
  /** The version of the stream before these events, with those that this transaction has published before; not checked unless given. */
  readonly expectedVersion?: number;
  /** What the events are found by in their metadata; a uuidv7 unless given. Nothing keeps a second transaction from using it again. */
  readonly commandId?: string;
}

/** What a transaction has published to one stream, by one call; it is true only once that has committed. */
export interface Published {
  readonly log: string;
  readonly logId: string;
  readonly partition: number;
  readonly stream: string;
  /** The stream's version in the store when it was published: the events' versions are above it. */
  readonly after: number;
  readonly lastEventId: string;
}

export interface Committed<T> {
  readonly result: T;
  /** Also what was taken back by a savepoint. */
  readonly published: readonly Published[];
  /** One query. null: nothing was published. */
  token(): Promise<Token | null>;
}

/** The events of a log, as its makers make them. */
export type EventOf<A extends AnyAggregate> = NewEventOf<A["eventSchemas"]>;

export interface Outbox<Tx> {
  /**
   * Adds events to `stream` in the transaction `tx`: they are there when it commits, all or none, behind each other in the order of the calls.
   * `tx` must be READ COMMITTED. The heads of the partitions are locked during the commit alone.
   * @throws VERSION_MISMATCH (here or, by SQLSTATE TM001, from the commit: see `outboxError`), INVALID_INPUT, EVENT_TOO_LARGE, INVALID_SETTING for another isolation level,
   * NOT_FOUND for a log that no service has made, INVALID_DEFINITION for an event that is none of the log's or where there is no transaction
   */
  publish<A extends AnyAggregate>(
    tx: Tx,
    log: A,
    stream: string,
    events: EventOf<A> | readonly EventOf<A>[],
    options?: PublishOptions,
  ): Promise<Published>;
  /** Runs `work` in a transaction of its own and wakes the relay after its commit. @throws what `work` throws, and what `publish` throws, also from the commit */
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<Committed<T>>;
  /**
   * For transactions that the user commits: call it after the commit. Wakes the relay, which else finds the events within 5 s, and gives their consistency token.
   * null: none of them is there, so the transaction has not committed (or had its savepoint rolled back).
   */
  committed(published: Published | readonly Published[]): Promise<Token | null>;
  /** Sends the notifications that wait. The database is the user's and stays open. */
  close(): Promise<void>;
}

/**
 * `database`: what the user has, a `pg` pool, Kysely, Drizzle or PGlite, connected to the write store's database. Its tables must be there: a service makes them when it starts.
 * @example
 * const events = outbox(pool);
 * const { token } = await events.transaction(async (tx) => {
 *   await tx.query("update products set stock = stock - $2 where id = $1", [id, quantity]);
 *   await events.publish(tx, products, id, products.events.StockReserved({ quantity }));
 * });
 */
export function outbox(database: Pool, options?: OutboxOptions): Outbox<PoolClient>;
export function outbox<Tx extends SqlClient>(database: KyselyDatabase<Tx>, options?: OutboxOptions): Outbox<Tx>;
export function outbox<Tx extends SqlClient>(database: DrizzleDatabase<Tx>, options?: OutboxOptions): Outbox<Tx>;
export function outbox<Tx extends SqlClient>(database: OutboxDatabase<Tx>, options: OutboxOptions = {}): Outbox<Tx> {
  const { schema = "tidemark", maxEventBytes = 1_000_000, clock = { now: () => new Date() } } = options;
  const quoted = quoteIdentifier(checkSchema(schema));
  const channel = channelName(schema, appendedChannel);
  const mine = new AsyncLocalStorage<Published[]>();

  // outside the user's transaction: a notification in it would take a lock of the whole server at the commit
  const notifications = notifier(async (_channels, payloads) => {
    for (const payload of payloads) {
      try {
        await run(database, "select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)", [channel, payload]);
      } catch (error) {
        throw databaseError(error, "The outbox's database");
      }
    }
  });
  const announce = (published: readonly Published[]): void => {
    for (const log of new Set(published.map((one) => one.log))) notifications.notify(channel, log, `outbox ${log}`);
  };
  const tokenOf = async (published: readonly Published[]): Promise<Token | null> => {
    if (published.length === 0) return null;
    const parts = (await callFunction(database, quoted, "tidemark_published", published)) as readonly TokenPart[];
    return parts.length === 0 ? null : formatToken(parts);
  };

  return {
    async publish(tx, log, stream, events, { expectedVersion, commandId = newId(), ...context } = {}) {
      const list: readonly NewEvent[] = Array.isArray(events) ? (events as readonly NewEvent[]) : [events as NewEvent];
      checkEvents(log, list);
      checkIds(log, list[0]!.type, stream, commandId);
      if (expectedVersion !== undefined) checkVersion(expectedVersion);
      requireTransaction(tx);
      const stored = toStoredEvents({ aggregate: log, stream, id: commandId, context }, list, clock.now().toISOString(), maxEventBytes);
      const publication = {
        log: log.name,
        // the store knows the number of partitions
        hash: partitionOf(stream, 2 ** 31),
        stream,
        expected: expectedVersion ?? null,
        commandId,
        metadata: stored[0]!.metadata,
        events: stored.map(({ id, type, schemaVersion, data }) => ({ id, type, schemaVersion, data })),
      };
      try {
        const answer = (await callFunction(tx, quoted, "tidemark_publish", publication)) as Pick<
          Published,
          "logId" | "partition" | "after"
        >;
        const published: Published = { log: log.name, ...answer, stream, lastEventId: stored.at(-1)!.id };
        mine.getStore()?.push(published);
        return published;
      } catch (error) {
        throw outboxError(error);
      }
    },
    async transaction(work) {
      const published: Published[] = [];
      try {
        const result = await mine.run(published, () => inTransaction(database, work));
        announce(published);
        return { result, published, token: () => tokenOf(published) };
      } catch (error) {
        throw outboxError(error);
      }
    },
    committed(published) {
      const list = Array.isArray(published) ? (published as readonly Published[]) : [published as Published];
      announce(list);
      return tokenOf(list);
    },
    close: () => notifications.close(),
  };
}

function checkEvents({ name, eventSchemas }: AnyAggregate, events: readonly NewEvent[]): void {
  if (events.length === 0) throw new TidemarkError("INVALID_DEFINITION", { what: `publish to log '${name}' needs an event.` });
  for (const { type } of events)
    if (!Object.hasOwn(eventSchemas, type)) throw new TidemarkError("INVALID_DEFINITION", { what: `Log '${name}' has no event ${type}.` });
}

function checkVersion(version: number): void {
  if (Number.isInteger(version) && version >= 0 && version < 2 ** 31) return;
  throw new TidemarkError("INVALID_INPUT", {
    what: "The expected version",
    issues: [{ pointer: "", detail: "must be a whole number from 0 on" }],
  });
}
