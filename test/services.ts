/**
 * Real servers for tests. `npm test` starts one Kafka and one PostgreSQL for all files, and one of each other store when
 * the first file asks for it; a file that is run alone starts its own and ends it with the process. The variables
 * TIDEMARK_TEST_KAFKA, _POSTGRES, _MONGODB, _OPENSEARCH, _ELASTICSEARCH and _CLICKHOUSE name servers that run already.
 * Tests that stop or kill a server take a private one.
 */
import pg from "pg";
import { freePort } from "../scripts/services/free-port.ts";
import { kafkaServer } from "../scripts/services/kafka/broker.ts";
import type { Jvm } from "../scripts/services/kafka/java.ts";
import { postgresServer, postgresUrl } from "../scripts/services/postgres/cluster.ts";
import { scratchFolder, sharedServer, startOwned, type TestDatabase, type TestServer, testServer, uniqueName } from "./services/own.ts";

export { type TestDatabase, type TestServer, uniqueName } from "./services/own.ts";
export { type ClickHouseKind, clickhouseClient, embeddedClient, type TestClickHouse } from "./services/clickhouse-client.ts";
export * from "./services/stores.ts";

export const kafkaVariable = "TIDEMARK_TEST_KAFKA";
export const postgresVariable = "TIDEMARK_TEST_POSTGRES";

export interface TestKafka extends TestServer {
  /** host:port */
  readonly brokers: string[];
}

export interface TestPostgres extends TestServer {
  /** The superuser's URL of the database `postgres`. */
  readonly adminUrl: string;
  /** An empty database. `owner`: a role without other rights, made if it is not there, that owns it and that the URL is for. */
  createDatabase(name?: string, options?: { readonly owner?: string }): Promise<TestDatabase>;
}

let sharedKafka: Promise<TestKafka> | undefined;
let sharedPostgres: Promise<TestPostgres> | undefined;

/** The Kafka of this test run. Use names of your own in it: `uniqueName(t)`. */
export function kafka(): Promise<TestKafka> {
  const brokers = process.env[kafkaVariable];
  sharedKafka ??= brokers ? Promise.resolve({ ...sharedServer("Kafka", "privateKafka"), brokers: brokers.split(",") }) : privateKafka();
  return sharedKafka;
}

/** The PostgreSQL of this test run. Use a database of your own in it: `createDatabase()`. */
export function postgres(): Promise<TestPostgres> {
  const adminUrl = process.env[postgresVariable];
  sharedPostgres ??= adminUrl ? Promise.resolve(withDatabases(sharedServer("PostgreSQL", "privatePostgres"), adminUrl)) : privatePostgres();
  return sharedPostgres;
}

/** A broker that only this process uses, started; its data is in `dir`, or in a temporary folder that goes with the process. */
export async function privateKafka(dir?: string, jvm: Jvm = "small"): Promise<TestKafka> {
  const server = kafkaServer({
    dir: dir ?? scratchFolder("kafka"),
    port: await freePort(),
    controllerPort: await freePort(),
    sessionTimeoutMs: 3_000,
    jvm,
  });
  await startOwned(server);
  return Object.assign(testServer(server), { brokers: [server.address] });
}

/** As `privateKafka`. Durable, so what it acknowledged is there after `kill` and `start`. */
export async function privatePostgres(dir?: string, settings: Readonly<Record<string, string>> = {}): Promise<TestPostgres> {
  const server = postgresServer({ dir: dir ?? scratchFolder("postgres"), port: await freePort(), settings });
  await startOwned(server);
  return withDatabases(testServer(server), postgresUrl(server.address, "postgres"));
}

function withDatabases(server: TestServer, adminUrl: string): TestPostgres {
  return Object.assign(server, {
    adminUrl,
    createDatabase: (name = uniqueName(), { owner }: { readonly owner?: string } = {}) => createDatabase(adminUrl, name, owner),
  });
}

async function createDatabase(adminUrl: string, name: string, owner: string | undefined): Promise<TestDatabase> {
  const url = new URL(adminUrl);
  url.pathname = `/${encodeURIComponent(name)}`;
  await asAdmin(adminUrl, async (client) => {
    if (owner !== undefined) {
      const { rowCount } = await client.query("select 1 from pg_roles where rolname = $1", [owner]);
      if (!rowCount) await client.query(`create role ${client.escapeIdentifier(owner)} login password ${client.escapeLiteral(owner)}`);
      url.username = encodeURIComponent(owner);
      url.password = encodeURIComponent(owner);
    }
    await client.query(
      `create database ${client.escapeIdentifier(name)}${owner === undefined ? "" : ` owner ${client.escapeIdentifier(owner)}`}`,
    );
  });
  const drop = (): Promise<void> =>
    asAdmin(adminUrl, async (client) => void (await client.query(`drop database if exists ${client.escapeIdentifier(name)} with (force)`)));
  return { name, url: url.href, drop, [Symbol.asyncDispose]: drop };
}

async function asAdmin(adminUrl: string, act: (client: pg.Client) => Promise<void>): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await act(client);
  } finally {
    await client.end();
  }
}
