/** A small fixed number of connections for applies: each apply has one for as long as its transaction lasts. */
import { TidemarkError } from "../errors.ts";
import type { Connection, Database } from "./sql.ts";

export interface ApplyConnections {
  /** Whatever `work` leaves open when it throws is rolled back. */
  run<T>(work: (connection: Connection) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

export const applyConnections = (database: Database, size: number): ApplyConnections =>
  database.engine === "pglite" ? oneConnection(database) : pooled(database, size);

const oneConnection = (database: Database): ApplyConnections => ({ run: database.exclusive, close: async () => undefined });

type Owned = Connection & { close(): Promise<void> };

function pooled(database: Database, size: number): ApplyConnections {
  const idle: Owned[] = [];
  const waiting: (() => void)[] = [];
  const open = new Set<Owned>();
  let busy = 0;
  let closed = false;

  async function take(): Promise<Owned> {
    if (busy >= size) await new Promise<void>((resolve) => waiting.push(resolve));
    else busy += 1;
    if (closed) throw new TidemarkError("CLOSED", { what: `The view store on ${database.label}` });
    for (let connection = idle.pop(); connection !== undefined; connection = idle.pop()) {
      if (!connection.lost.aborted) return connection;
      await discard(connection);
    }
    const connection = await database.dedicated();
    open.add(connection);
    return connection;
  }

  /** The next in line takes the place over, so `busy` does not change. */
  function leave(): void {
    const next = waiting.shift();
    if (next === undefined) busy -= 1;
    else next();
  }

  async function discard(connection: Owned): Promise<void> {
    open.delete(connection);
    await connection.close().catch(() => undefined); // it is broken: there is nothing left to close
  }

  async function afterFailure(connection: Owned): Promise<void> {
    try {
      if (connection.lost.aborted) throw connection.lost.reason;
      await connection.query({ text: "rollback" });
      idle.push(connection);
    } catch {
      await discard(connection); // the caller gets the error that led here
    }
  }

  return {
    async run(work) {
      try {
        const connection = await take();
        try {
          const result = await work(connection);
          idle.push(connection);
          return result;
        } catch (error) {
          await afterFailure(connection);
          throw error;
        }
      } finally {
        leave();
      }
    },
    async close() {
      closed = true;
      await Promise.all([...open].map(discard));
    },
  };
}
