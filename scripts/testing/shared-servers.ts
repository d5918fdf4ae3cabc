/**
 * One Kafka and one PostgreSQL for many test files: started together, named in the environment that test/services.ts reads.
 * One server of each other store, when the first file asks for it.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clickhouseServer, clickhouseUrl } from "../services/clickhouse/server.ts";
import { freePort } from "../services/free-port.ts";
import { kafkaServer } from "../services/kafka/broker.ts";
import { mongodbServer, mongodbUrl } from "../services/mongodb/server.ts";
import { postgresServer, postgresUrl } from "../services/postgres/cluster.ts";
import type { ServerOptions } from "../services/process-server.ts";
import { searchServer, searchUrl } from "../services/search/server.ts";
import type { Server } from "../services/server.ts";
import { type ServersOnRequest, serversOnRequest } from "./servers-on-request.ts";

export interface SharedServers {
  /** Scratch folder of the run; gone with the process. */
  readonly scratch: string;
  /** Starts those two. Resolves to the environment for test processes. */
  start(): Promise<Readonly<Record<string, string>>>;
  stop(): Promise<void>;
}

/** Whatever still runs when the process ends is killed, and its data is removed; `onSignal` is called first where a signal ends it. */
export function sharedServers(say: (line: string) => void, onSignal: (signal: NodeJS.Signals) => void): SharedServers {
  const servers: Server[] = [];
  const scratch = mkdtempSync(join(tmpdir(), "tidemark-test-"));
  let onRequest: ServersOnRequest | undefined;
  const starter = (name: string, make: (options: ServerOptions) => Server, urlOf: (address: string) => string) => async () => {
    const server = make({ dir: join(scratch, name), port: await freePort(), say });
    servers.push(server);
    await server.start();
    return urlOf(server.address);
  };
  const starts = {
    // Shared, so never killed: it need not be durable.
    mongodb: starter("mongodb", (options) => mongodbServer({ ...options, durable: false }), mongodbUrl),
    opensearch: starter("opensearch", (options) => searchServer("opensearch", options), searchUrl),
    elasticsearch: starter("elasticsearch", (options) => searchServer("elasticsearch", options), searchUrl),
    clickhouse: starter("clickhouse", clickhouseServer, clickhouseUrl),
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.once(signal, () => {
      onSignal(signal);
      // The exit handler does the rest.
      process.exit(1);
    });
  }
  process.once("exit", () => {
    for (const { process: running } of servers) if (running) process.kill(running.pid, "SIGKILL");
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
  });
  return {
    scratch,
    async start() {
      const kafka = kafkaServer({ dir: join(scratch, "kafka"), port: await freePort(), controllerPort: await freePort(), say });
      const postgres = postgresServer({ dir: join(scratch, "postgres"), port: await freePort() });
      servers.push(kafka, postgres);
      const failed = (await Promise.allSettled(servers.map((server) => server.start()))).find((result) => result.status === "rejected");
      if (failed) throw failed.reason;
      onRequest = await serversOnRequest(starts);
      return {
        TIDEMARK_TEST_KAFKA: kafka.address,
        TIDEMARK_TEST_POSTGRES: postgresUrl(postgres.address, "postgres"),
        TIDEMARK_TEST_SERVERS: onRequest.url,
      };
    },
    async stop() {
      await onRequest?.close();
      await Promise.all(servers.splice(0).map((server) => server.stop()));
    },
  };
}
