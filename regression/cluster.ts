/** The production form: command+relay, projection and query as separate processes, two databases with two users, Kafka with 6 partitions. */
import { mkdirSync } from "node:fs";
import pg from "pg";
import { freePort } from "../scripts/services/free-port.ts";
import type { TestKafka, TestPostgres } from "../test/services.ts";
import type { Targets } from "./client.ts";
import type { Program } from "./program.ts";
import { programOf } from "./program.ts";
import type { Place } from "./sql.ts";

export interface ClusterOptions {
  readonly kafka: TestKafka;
  readonly postgres: TestPostgres;
  /** Databases, users, topics and groups carry it: `[a-z][a-z0-9_]*`. */
  readonly name: string;
  /** Folder of the log files. */
  readonly dir: string;
  readonly partitions?: number;
  /** How many processes of each kind. */
  readonly commands?: number;
  readonly projections?: number;
  readonly queries?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export interface Cluster {
  readonly commands: readonly Program[];
  readonly projections: readonly Program[];
  readonly queries: readonly Program[];
  readonly programs: readonly Program[];
  readonly targets: Targets;
  /** As the superuser, for looking at what was stored. */
  readonly write: Place;
  readonly read: Place;
  /** What the processes of each side are given. */
  readonly writer: { readonly url: string; readonly database: string };
  readonly reader: { readonly url: string; readonly database: string };
  readonly brokers: readonly string[];
  readonly prefix: string;
  /** Starts what does not run and waits until all are ready. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Makes the databases and describes the processes; starts none. */
export async function clusterOf(options: ClusterOptions): Promise<Cluster> {
  mkdirSync(options.dir, { recursive: true });
  const [writer, reader] = [`${options.name}_writer`, `${options.name}_reader`];
  const write = await options.postgres.createDatabase(`${options.name}_write`, { owner: writer });
  const read = await options.postgres.createDatabase(`${options.name}_read`, { owner: reader });
  await separate(options.postgres.adminUrl, [write.name, read.name]);
  for (const [url, other] of [
    [write.url, read.name],
    [read.url, write.name],
  ] as const) {
    if ((await refusal(url, other)) !== "42501")
      throw new Error(`The user of ${other}'s counterpart can connect to it: the run would prove nothing.`);
  }

  const prefix = `${options.name}_`;
  const common = {
    KAFKA_BROKERS: options.kafka.brokers.join(","),
    TIDEMARK_PARTITIONS: String(options.partitions ?? 6),
    TIDEMARK_PREFIX: prefix,
    ...options.env,
  };
  const make = (count: number, kind: string, env: Record<string, string>) =>
    Promise.all(
      Array.from({ length: count }, async (_, i) =>
        programOf({ name: `${kind}-${i + 1}`, port: await freePort(), dir: options.dir, env: { ...common, ...env } }),
      ),
    );
  const commands = await make(options.commands ?? 2, "command", { TIDEMARK_ROLES: "command,relay", DATABASE_URL: write.url });
  const projections = await make(options.projections ?? 2, "projection", { TIDEMARK_ROLES: "projection", READ_DATABASE_URL: read.url });
  const queries = await make(options.queries ?? 2, "query", { TIDEMARK_ROLES: "query", READ_DATABASE_URL: read.url });
  const programs = [...commands, ...projections, ...queries];
  const endpoints = (list: readonly Program[]) => list.map((p) => ({ process: p.name, url: p.url }));
  return {
    commands,
    projections,
    queries,
    programs,
    targets: { commands: endpoints(commands), queries: endpoints(queries) },
    write: { url: adminUrlOf(options.postgres, write.name) },
    read: { url: adminUrlOf(options.postgres, read.name) },
    writer: { url: write.url, database: write.name },
    reader: { url: read.url, database: read.name },
    brokers: options.kafka.brokers,
    prefix,
    async start() {
      for (const program of programs) if (!program.running) program.start();
      await Promise.all(programs.map((p) => p.ready()));
    },
    async stop() {
      await Promise.all(programs.filter((p) => p.running).map((p) => p.kill()));
    },
  };
}

function adminUrlOf(postgres: TestPostgres, database: string): string {
  const url = new URL(postgres.adminUrl);
  url.pathname = `/${database}`;
  return url.href;
}

async function separate(adminUrl: string, databases: readonly string[]): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    for (const name of databases) await client.query(`revoke connect on database ${client.escapeIdentifier(name)} from public`);
  } finally {
    await client.end();
  }
}

/** The code that the server refuses the user of `url` with when it connects to `database`; null: it lets it in. */
export async function refusal(url: string, database: string): Promise<string | null> {
  const other = new URL(url);
  other.pathname = `/${database}`;
  const client = new pg.Client({ connectionString: other.href });
  try {
    await client.connect();
  } catch (error) {
    return String((error as { code?: string }).code);
  }
  await client.end();
  return null;
}
