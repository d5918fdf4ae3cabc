/** All servers that the read models of the example are kept in, and the service on them as three processes. */
import { freePort } from "../../scripts/services/free-port.ts";
import { privateClickhouse, privateKafka, privateMongodb, privatePostgres, privateSearch, type TestServer } from "../../test/services.ts";
import type { Targets } from "../client.ts";
import { type Program, programOf } from "../program.ts";
import type { Place } from "../sql.ts";

export const allViews = [
  "order_summaries",
  "order_details",
  "order_search",
  "daily_order_stats",
  "customer_profiles",
  "orders_read",
] as const;
export type ViewName = (typeof allViews)[number];

export interface StoppedPart {
  readonly name: string;
  readonly server: TestServer;
  /** Views that nobody can read fresh while it is down. */
  readonly views: readonly ViewName[];
  /** Whether commands are accepted while it is down. */
  readonly commands: boolean;
  /** It keeps documents of these views and nothing else: `/readyz` warns of them, and `status` says that they alone are behind. */
  readonly documentsOnly: boolean;
}

export interface Parts {
  readonly stoppable: readonly StoppedPart[];
  readonly programs: readonly Program[];
  readonly command: Program;
  readonly projection: Program;
  readonly query: Program;
  readonly targets: Targets;
  readonly write: Place;
  /** The settings that all processes share, for the command line. */
  readonly environment: Readonly<Record<string, string>>;
  readonly brokers: readonly string[];
  readonly prefix: string;
  stop(): Promise<void>;
}

const prefix = "rm_";

/** Started and ready. `dir`: of the processes' logs. */
export async function startParts(dir: string): Promise<Parts> {
  const [writes, reads, kafka, mongo, clickhouse, search] = await Promise.all([
    privatePostgres(),
    privatePostgres(),
    privateKafka(),
    privateMongodb(),
    privateClickhouse(),
    privateSearch("opensearch"),
  ]);
  const [write, read, documents, stats] = await Promise.all([
    writes.createDatabase("orders_write"),
    reads.createDatabase("orders_read"),
    mongo.createDatabase("orders"),
    clickhouse.createDatabase("orders"),
  ]);
  const environment = {
    DATABASE_URL: write.url,
    READ_DATABASE_URL: read.url,
    KAFKA_BROKERS: kafka.brokers.join(","),
    MONGODB_URL: documents.url,
    CLICKHOUSE_URL: stats.url,
    ELASTICSEARCH_URL: search.url,
    TIDEMARK_PREFIX: prefix,
    TIDEMARK_PARTITIONS: "6",
  };
  const make = async (name: string, roles: string) =>
    programOf({ name, port: await freePort(), dir, env: { ...environment, TIDEMARK_ROLES: roles } });
  const command = await make("command", "command,relay");
  const projection = await make("projection", "projection");
  const query = await make("query", "query");
  const programs = [command, projection, query];
  for (const program of programs) program.start();
  await Promise.all(programs.map((program) => program.ready()));
  const part = (name: string, server: TestServer, views: readonly ViewName[]): StoppedPart => ({
    name,
    server,
    views,
    commands: true,
    documentsOnly: true,
  });
  return {
    stoppable: [
      part("MongoDB", mongo, ["order_details"]),
      part("ClickHouse", clickhouse, ["daily_order_stats"]),
      part("OpenSearch", search, ["order_search"]),
      { name: "Kafka", server: kafka, views: allViews, commands: true, documentsOnly: false },
      { name: "PostgreSQL of the views", server: reads, views: allViews, commands: true, documentsOnly: false },
    ],
    programs,
    command,
    projection,
    query,
    targets: { commands: [{ process: "command", url: command.url }], queries: [{ process: "query", url: query.url }] },
    write: { url: write.url },
    environment,
    brokers: kafka.brokers,
    prefix,
    async stop() {
      await Promise.all(programs.filter((program) => program.running).map((program) => program.stop("SIGTERM")));
      await Promise.all([writes, reads, kafka, mongo, clickhouse, search].map((server) => server.stop()));
    },
  };
}
