/**
 * Real Kafka and PostgreSQL for tests. `npm test` starts one of each for all files and names them in
 * TIDEMARK_TEST_KAFKA and TIDEMARK_TEST_POSTGRES; a file that is run alone starts its own and ends it with the process.
 * Tests that stop or kill a server take a private one.
 */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import pg from "pg";
import { freePort } from "../scripts/services/free-port.ts";
import { kafkaServer } from "../scripts/services/kafka/broker.ts";
import type { Jvm } from "../scripts/services/kafka/java.ts";
import { postgresServer, postgresUrl } from "../scripts/services/postgres/cluster.ts";
import type { Server } from "../scripts/services/server.ts";

export const kafkaVariable = "TIDEMARK_TEST_KAFKA";
export const postgresVariable = "TIDEMARK_TEST_POSTGRES";

export interface TestServer {
  /** Undefined for the shared server and for one that does not run. */
  readonly pid: number | undefined;
  /** Again on the same port and data. These three refuse on the shared server. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

export interface TestKafka extends TestServer {
  /** host:port */
  readonly brokers: string[];
}

export interface TestDatabase {
  readonly name: string;
  readonly url: string;
  /** Ends its connections and drops it. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
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

/** A name that no other test has, made from the test's name: `[a-z][a-z0-9_]*`, 40 characters at most. */
export function uniqueName(t?: Pick<TestContext, "name">): string {
  const words = (t?.name ?? "test")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "_")
    .replace(/^_|_$/g, "")
    .slice(0, 26);
  return `t_${words}_${randomBytes(5).toString("hex")}`;
}

const owned = new Set<Server>();
const scratchFolders = new Set<string>();

async function startOwned(server: Server): Promise<void> {
  if (owned.size === 0) endWithProcess();
  owned.add(server);
  await server.start();
}

function scratchFolder(name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `tidemark-${name}-`));
  scratchFolders.add(dir);
  return dir;
}

/** Servers are not waited for at the end, so they cannot be stopped in order: they are killed, and their data goes. */
function endWithProcess(): void {
  process.once("exit", () => {
    for (const { process: running } of owned) if (running) process.kill(running.pid, "SIGKILL");
    for (const dir of scratchFolders) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
}

function testServer(server: Server): TestServer {
  return {
    get pid() {
      return server.process?.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}

function sharedServer(name: string, instead: string): TestServer {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error(`This ${name} is shared by all tests; take ${instead}() to stop or kill one.`));
  return { pid: undefined, start: refuse, stop: refuse, kill: refuse };
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
