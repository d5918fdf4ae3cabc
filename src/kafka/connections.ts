/** Connections to brokers, one for each address, over the client library's pool. A long poll blocks its connection, so each purpose has a set of its own. */
import { type Connection, ConnectionPool, type Reader, type Writer } from "@platformatic/kafka";
import type { BrokerAddress } from "./options.ts";

export interface Connections {
  /** The connection, where there is one. */
  open(broker: BrokerAddress): Connection | null;
  /** Connected; rejects with the library's NetworkError or TimeoutError. */
  to(broker: BrokerAddress): Promise<Connection>;
  /** The first of `brokers` that can be connected. */
  toAny(brokers: readonly BrokerAddress[]): Promise<Connection>;
  /** Breaks the connection; what waits on it rejects. Resolves when a new one can be had. */
  drop(broker: BrokerAddress): Promise<void>;
  /** Breaks all; what waits on them rejects. Takes no longer than `closeTimeoutMs`. */
  close(): Promise<void>;
}

const connectTimeoutMs = 3_000;
const closeTimeoutMs = 500;

/** @param requestTimeoutMs after which a request rejects and its connection is broken */
export function openConnections(clientId: string, requestTimeoutMs: number): Connections {
  const pool = new ConnectionPool(clientId, { connectTimeout: connectTimeoutMs, requestTimeout: requestTimeoutMs });
  const open = new Set<Connection>();
  // every failure reaches whoever asked through its callback; an 'error' nobody listens to would end the process
  pool.on("error", () => {});
  pool.on("connecting", ({ connection }) => {
    open.add(connection);
    connection.on("error", () => {});
    connection.once("close", () => open.delete(connection));
  });
  pool.on("failed", ({ connection }) => void open.delete(connection));

  return {
    open(broker) {
      const connection = pool.getEstablishedConnection({ ...broker });
      return connection?.isConnected() === true ? connection : null;
    },
    to: (broker) => pool.get({ ...broker }),
    toAny: (brokers) => pool.getFirstAvailable(brokers.map((broker) => ({ ...broker }))),
    async drop(broker) {
      const connection = pool.getEstablishedConnection({ ...broker });
      if (connection === undefined || !connection.isConnected()) return;
      await new Promise<void>((resolve) => {
        connection.once("close", resolve);
        connection.socket.destroy();
      });
    },
    async close() {
      const connections = [...open];
      const timer = setTimeout(() => connections.forEach((connection) => connection.socket?.destroy()), closeTimeoutMs);
      try {
        await pool.close();
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** One request and its answer. */
export function request<T>(
  connection: Connection,
  api: { readonly key: number; readonly version: number },
  write: () => Writer,
  parse: (reader: Reader) => T,
): Promise<T> {
  return new Promise((resolve, reject) => {
    connection.send<T>(
      api.key,
      api.version,
      write,
      (_id, _key, _version, reader) => parse(reader),
      true,
      true,
      (error, answer) => {
        if (error !== null) reject(error);
        else resolve(answer as T);
      },
    );
  });
}
