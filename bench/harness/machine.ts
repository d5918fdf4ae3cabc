/** What the figures were measured on. */
import { availableParallelism, cpus, totalmem } from "node:os";
import pg from "pg";
import type { TestPostgres } from "../../test/services.ts";
import { kafkaVersion } from "./kafka-version.ts";
import { postgresSettings } from "./servers.ts";

export interface Machine {
  readonly cores: number;
  readonly cpu: string;
  readonly memoryGiB: number;
  readonly node: string;
  readonly postgres: string;
  readonly kafka: string;
  readonly postgresSettings: Readonly<Record<string, string>>;
}

export async function machine(server: TestPostgres): Promise<Machine> {
  return {
    cores: availableParallelism(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    memoryGiB: Math.round((totalmem() / 2 ** 30) * 10) / 10,
    node: process.versions.node,
    postgres: await postgresVersion(server),
    kafka: kafkaVersion(),
    postgresSettings,
  };
}

export const machineLine = (of: Machine): string =>
  `${of.cores} cores (${of.cpu}), ${of.memoryGiB} GiB, Node ${of.node}, PostgreSQL ${of.postgres} (${Object.entries(of.postgresSettings)
    .map((pair) => pair.join("="))
    .join(" ")}), Kafka ${of.kafka} (acks=all); clients, servers and opponents share the cores`;

async function postgresVersion(server: TestPostgres): Promise<string> {
  const client = new pg.Client({ connectionString: server.adminUrl });
  await client.connect();
  try {
    const { rows } = await client.query<{ server_version: string }>("show server_version");
    return rows[0]!.server_version;
  } finally {
    await client.end();
  }
}
