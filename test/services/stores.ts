/** The read stores beside PostgreSQL and Kafka. Each gives a test a corner of its own: a database, or a prefix of index names. */
import { clickhouseServer, clickhouseStatement, clickhouseUrl } from "../../scripts/services/clickhouse/server.ts";
import { freePort } from "../../scripts/services/free-port.ts";
import { mongodbServer, mongodbUrl } from "../../scripts/services/mongodb/server.ts";
import type { ServerOptions } from "../../scripts/services/process-server.ts";
import { engineNames, type SearchEngine } from "../../scripts/services/search/install.ts";
import { searchServer, searchUrl } from "../../scripts/services/search/server.ts";
import type { Server } from "../../scripts/services/server.ts";
import type { ServiceName } from "../../scripts/services/state.ts";
import { scratchFolder, sharedServer, startOwned, type TestDatabase, type TestServer, testServer, uniqueName } from "./own.ts";
import { sharedUrl } from "./shared-url.ts";

export interface TestStore extends TestServer {
  /** Of the server, without a database. */
  readonly url: string;
}

export interface TestDatabases extends TestStore {
  /** An empty database; its URL names it. */
  createDatabase(name?: string): Promise<TestDatabase>;
}

export interface TestSearch extends TestStore {
  /** A prefix of index names: `drop` deletes every index whose name begins with it. */
  createPrefix(prefix?: string): TestDatabase;
}

const shared = new Map<ServiceName, Promise<TestStore>>();

/** The server of MongoDB's protocol of this test run. */
export const mongodb = (): Promise<TestDatabases> =>
  sharedStore("mongodb", "MongoDB", "privateMongodb", withMongodbDatabases, privateMongodb);
/** The ClickHouse of this test run, over HTTP. */
export const clickhouse = (): Promise<TestDatabases> =>
  sharedStore("clickhouse", "ClickHouse", "privateClickhouse", withClickhouseDatabases, privateClickhouse);
export const opensearch = (): Promise<TestSearch> => sharedSearch("opensearch");
/** Elasticsearch 7.10.2, the last one under an open-source licence: see `oldElasticsearch` for the official client. */
export const elasticsearch = (): Promise<TestSearch> => sharedSearch("elasticsearch");

/** One that only this process uses, started; its data is in `dir`, or in a temporary folder that goes with the process. */
export const privateMongodb = async (dir?: string): Promise<TestDatabases> =>
  withMongodbDatabases(await startStore("mongodb", mongodbServer, mongodbUrl, dir));
/** As `privateMongodb`. */
export const privateClickhouse = async (dir?: string): Promise<TestDatabases> =>
  withClickhouseDatabases(await startStore("clickhouse", clickhouseServer, clickhouseUrl, dir));
/** As `privateMongodb`. */
export const privateSearch = async (engine: SearchEngine, dir?: string): Promise<TestSearch> =>
  withPrefixes(await startStore(engine, (options) => searchServer(engine, options), searchUrl, dir));

function sharedStore<T extends TestStore>(
  name: ServiceName,
  title: string,
  instead: string,
  extend: (store: TestStore) => T,
  start: () => Promise<T>,
): Promise<T> {
  const find = async (): Promise<T> => {
    const url = await sharedUrl(name);
    return url === undefined ? await start() : extend({ ...sharedServer(title, instead), url });
  };
  const store = (shared.get(name) as Promise<T> | undefined) ?? find();
  shared.set(name, store);
  return store;
}

function sharedSearch(engine: SearchEngine): Promise<TestSearch> {
  return sharedStore(engine, engineNames[engine], "privateSearch", withPrefixes, () => privateSearch(engine));
}

async function startStore(
  name: ServiceName,
  make: (options: ServerOptions) => Server,
  urlOf: (address: string) => string,
  dir?: string,
): Promise<TestStore> {
  const server = make({ dir: dir ?? scratchFolder(name), port: await freePort() });
  await startOwned(server);
  return Object.assign(testServer(server), { url: urlOf(server.address) });
}

function withMongodbDatabases(store: TestStore): TestDatabases {
  const drop = async (name: string): Promise<void> => {
    const { MongoClient } = await import("mongodb");
    const client = new MongoClient(store.url);
    try {
      await client.db(name).dropDatabase();
    } finally {
      await client.close();
    }
  };
  // MongoDB makes a database when something is written to it.
  return Object.assign(store, {
    createDatabase: (name = uniqueName()) => Promise.resolve(corner(name, withPath(store.url, name), () => drop(name))),
  });
}

function withClickhouseDatabases(store: TestStore): TestDatabases {
  const { host } = new URL(store.url);
  const createDatabase = async (name = uniqueName()): Promise<TestDatabase> => {
    await clickhouseStatement(host, `create database ${name}`);
    return corner(
      name,
      withPath(store.url, name),
      async () => void (await clickhouseStatement(host, `drop database if exists ${name} sync`)),
    );
  };
  return Object.assign(store, { createDatabase });
}

function withPrefixes(store: TestStore): TestSearch {
  const drop = async (prefix: string): Promise<void> => {
    const response = await fetch(`${store.url}/${prefix}*?expand_wildcards=all`, { method: "DELETE" });
    if (!response.ok) throw new Error(`The indexes ${prefix}* were not deleted: ${await response.text()}`);
  };
  return Object.assign(store, { createPrefix: (prefix = `${uniqueName()}-`) => corner(prefix, store.url, () => drop(prefix)) });
}

function corner(name: string, url: string, drop: () => Promise<void>): TestDatabase {
  return { name, url, drop, [Symbol.asyncDispose]: drop };
}

function withPath(serverUrl: string, database: string): string {
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  return url.href;
}
