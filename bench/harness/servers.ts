/** The servers of one command: started at first use, the same settings for all contenders, gone with the process. */
import pg from "pg";
import { privateKafka, privatePostgres, type TestKafka, type TestPostgres } from "../../test/services.ts";

/** Durable as any production server: fsync, synchronous commit and full page writes are on. No checkpoint falls into a run by itself. */
export const postgresSettings: Readonly<Record<string, string>> = {
  shared_buffers: "512MB",
  max_wal_size: "4GB",
  checkpoint_timeout: "30min",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
};

export interface Servers {
  postgres(settings?: Readonly<Record<string, string>>): Promise<TestPostgres>;
  kafka(): Promise<TestKafka>;
  /** Process ids of those that run. */
  pids(): { readonly postgres: readonly number[]; readonly kafka: readonly number[] };
  /** Writes out what the run before left in memory, so that the next one does not pay for it. */
  settle(): Promise<void>;
  stop(): Promise<void>;
}

export function benchServers(): Servers {
  const started = new Map<string, Promise<TestPostgres>>();
  const databases: TestPostgres[] = [];
  let broker: Promise<TestKafka> | undefined;
  let brokerPid: number | undefined;
  return {
    postgres(settings = {}) {
      const key = JSON.stringify(settings);
      const known = started.get(key);
      if (known !== undefined) return known;
      const server = privatePostgres(undefined, { ...postgresSettings, ...settings }).then((running) => {
        databases.push(running);
        return running;
      });
      started.set(key, server);
      return server;
    },
    async kafka() {
      broker ??= privateKafka(undefined, "server");
      brokerPid = (await broker).pid;
      return broker;
    },
    pids: () => ({
      postgres: databases.flatMap((server) => server.pid ?? []),
      kafka: brokerPid === undefined ? [] : [brokerPid],
    }),
    async settle() {
      for (const server of databases) {
        const client = new pg.Client({ connectionString: server.adminUrl });
        await client.connect();
        try {
          await client.query("checkpoint");
        } finally {
          await client.end();
        }
      }
    },
    async stop() {
      await Promise.all([...databases.map((server) => server.stop()), broker?.then((running) => running.stop())]);
    },
  };
}
