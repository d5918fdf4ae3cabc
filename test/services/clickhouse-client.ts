/** The official client on a ClickHouse of either kind: the server of this test run, or the engine embedded in this process. */
import { createRequire } from "node:module";
import { join } from "node:path";
import { type ClickHouseClient, ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { installChdb } from "../../scripts/services/clickhouse/install.ts";
import { scratchFolder, uniqueName } from "./own.ts";
import { clickhouse } from "./stores.ts";

/** Otherwise the client prints every statement that a server refuses, which in a test is expected. */
const quiet = { log: { level: ClickHouseLogLevel.OFF } };

export type ClickHouseKind = "server" | "embedded";

export interface TestClickHouse {
  readonly client: ClickHouseClient;
  /** Of this connection alone. Name it in statements: a client of the embedded engine knows no current database. */
  readonly database: string;
  /** Drops the database and closes the client. */
  close(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
}

/** A client and a new, empty database. */
export async function clickhouseClient(kind: ClickHouseKind, database = uniqueName()): Promise<TestClickHouse> {
  const client = kind === "server" ? createClient({ url: (await clickhouse()).url, database, ...quiet }) : await embeddedClient();
  const command = async (query: string): Promise<void> => void (await client.command({ query }));
  // The first statement cannot run in a database that is not there yet.
  if (kind === "server") await (await clickhouse()).createDatabase(database);
  else await command(`create database ${database}`);
  const close = async (): Promise<void> => {
    await command(`drop database if exists ${database} sync`);
    await client.close();
  };
  return { client, database, close, [Symbol.asyncDispose]: close };
}

/** What this file uses of the npm package chdb, which is fetched at first use and so has no types here. */
interface ChdbModule {
  createChdbConnection(options: { readonly path: string }): NonNullable<NonNullable<Parameters<typeof createClient>[0]>["connection"]>;
}

let dataDir: string | undefined;

/**
 * A client of the engine in this process, which a process can open on one folder only: all clients share `path` of the
 * first, a temporary folder that goes with the process unless given.
 */
export async function embeddedClient(path?: string): Promise<ClickHouseClient> {
  const requireThere = createRequire(join(await installChdb((line) => console.error(line)), "package.json"));
  const { createChdbConnection } = requireThere("chdb/connection") as ChdbModule;
  dataDir ??= path ?? scratchFolder("chdb");
  return createClient({ connection: createChdbConnection({ path: dataDir }), ...quiet });
}
