/** The SQL port on PostgreSQL, by `pg`: a pool for short work, connections of their own for what lasts. */
import pg from "pg";
import { TidemarkError } from "../errors.ts";
import { binaryArray } from "./binary-array.ts";
import { channelName, quoteIdentifier } from "./channel.ts";
import type { DatabaseOptions } from "./database-options.ts";
import { listener } from "./listener.ts";
import { notifier } from "./notifier.ts";
import { clientConfig, connectionOf, destroy, end, goodbyeMs, labelOf, send, watch } from "./postgres-client.ts";
import type { Watched } from "./postgres-client.ts";
import { databaseError, unavailable } from "./sql-errors.ts";
import type { Connection, Database } from "./sql.ts";

const transactionStatus = (client: pg.PoolClient): string | null =>
  (client as { getTransactionStatus?: () => string | null }).getTransactionStatus?.() ?? null;

/** Connects at the first use. @throws INVALID_SETTING for a schema's name that cannot be one */
export function postgresDatabase(url: string, options: DatabaseOptions): Database {
  const config = clientConfig(url, options);
  const label = labelOf(url);
  const watched = new WeakMap<pg.ClientBase, Watched>();
  const dedicated = new Set<{ close(): Promise<void> }>();
  let epoch = 0;
  let closed = false;
  const raise = (): void => {
    epoch++;
  };

  const pool = new pg.Pool({ ...config, max: options.poolSize ?? 10, idleTimeoutMillis: 30_000, allowExitOnIdle: true });
  const pooled = new Set<pg.PoolClient>();
  pool.on("connect", (client) => {
    watched.set(client, watch(client, label, raise));
    pooled.add(client);
    client.once("end", () => pooled.delete(client));
  });
  // the client's own listener has counted the loss; without one here Node would end the process
  pool.on("error", () => undefined);

  const checkOpen = (): void => {
    if (closed) throw new TidemarkError("CLOSED", { what: label });
  };

  async function openClient(): Promise<{ client: pg.Client; seen: Watched }> {
    checkOpen();
    const client = new pg.Client(config);
    const seen = watch(client, label, raise);
    try {
      await client.connect();
    } catch (error) {
      throw unavailable(error, label);
    }
    return { client, seen };
  }

  async function openDedicated(): Promise<Connection & { close(): Promise<void> }> {
    const { client, seen } = await openClient();
    const connection = {
      ...connectionOf(client, seen, label),
      async close() {
        dedicated.delete(connection);
        await end(client);
      },
    };
    dedicated.add(connection);
    seen.lost.addEventListener("abort", () => dedicated.delete(connection), { once: true });
    return connection;
  }

  async function exclusive<T>(work: (connection: Connection) => Promise<T>): Promise<T> {
    checkOpen();
    const client = await pool.connect().catch((error: unknown) => {
      throw databaseError(error, label);
    });
    const seen = watched.get(client)!;
    try {
      return await work(connectionOf(client, seen, label));
    } finally {
      if (!seen.lost.aborted && transactionStatus(client) !== "I") await send(client, seen, { text: "rollback" }, label).catch(seen.lose);
      client.release(seen.lost.aborted);
    }
  }

  let notifying: (Connection & { close(): Promise<void> }) | undefined;
  const notifications = notifier(async (channels, payloads) => {
    if (notifying === undefined || notifying.lost.aborted) {
      notifying = await openDedicated();
      await notifying.script("set synchronous_commit = off");
    }
    await notifying.query({
      name: "tidemark_notify",
      text: "select pg_notify(u.channel, u.payload) from unnest($1::text[], $2::text[]) u(channel, payload)",
      values: [binaryArray("text", channels), binaryArray("text", payloads)],
    });
  });

  const listening = listener(async (onNotification) => {
    const { client, seen } = await openClient();
    client.on("notification", (message) => onNotification(message.channel, message.payload ?? ""));
    return {
      lost: seen.lost,
      listen: async (channel) => void (await send(client, seen, { text: `listen ${quoteIdentifier(channel)}` }, label)),
      unlisten: async (channel) => void (await send(client, seen, { text: `unlisten ${quoteIdentifier(channel)}` }, label)),
      close: () => end(client),
    };
  });

  return {
    engine: "postgres",
    label,
    get epoch() {
      return epoch;
    },
    query: (statement) => exclusive((connection) => connection.query(statement)),
    exclusive,
    dedicated: openDedicated,
    listen: async (channel, onPayload, onReconnect) => {
      checkOpen();
      return listening.listen(channelName(options.schema, channel), onPayload, onReconnect);
    },
    notify: (channel, key, payload) => notifications.notify(channelName(options.schema, channel), key, payload),
    array: binaryArray,
    async close() {
      if (closed) return;
      await notifications.close();
      closed = true;
      await listening.close();
      await Promise.all([...dedicated].map((connection) => connection.close()));
      const timer = setTimeout(() => pooled.forEach(destroy), goodbyeMs);
      await pool.end().finally(() => clearTimeout(timer));
    },
  };
}
