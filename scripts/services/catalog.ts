import { clickhouseServer, clickhouseStatement, clickhouseUrl } from "./clickhouse/server.ts";
import { freePort } from "./free-port.ts";
import { kafkaServer } from "./kafka/broker.ts";
import { mongodbServer, mongodbUrl } from "./mongodb/server.ts";
import { servicesDir } from "./places.ts";
import { postgresServer, postgresUrl } from "./postgres/cluster.ts";
import { createDatabases } from "./postgres/databases.ts";
import type { ServerOptions } from "./process-server.ts";
import { searchServer, searchUrl } from "./search/server.ts";
import type { Server } from "./server.ts";
import type { ServiceName, ServicesState, ServiceState } from "./state.ts";

/** What `npm run services` knows of a service. */
export interface Service {
  /** The ports of before where they are free. */
  choosePorts(known: ServiceState | undefined): Promise<ServiceState>;
  server(options: ServerOptions, state: ServiceState): Server;
  /** The settings that point an application at it. `running`: all services that run. */
  settings(address: string, running: ServicesState): Record<string, string>;
  /** Makes what an application expects to be there. Again and again without harm. */
  readonly createDatabases?: (address: string) => Promise<void>;
}

/** The databases of a development PostgreSQL; write and read side share none. */
const databases = { DATABASE_URL: "tidemark_write", READ_DATABASE_URL: "tidemark_read" } as const;

const onePort = async (known: ServiceState | undefined): Promise<ServiceState> => ({ port: await freePort(known?.port) });

export const catalog: Readonly<Record<ServiceName, Service>> = {
  kafka: {
    choosePorts: async (known) => ({ ...(await onePort(known)), controllerPort: await freePort(known?.controllerPort) }),
    server(options, { controllerPort }) {
      if (controllerPort === undefined) throw new Error(`The state of kafka in ${servicesDir} has no controller port; delete that folder.`);
      return kafkaServer({ ...options, controllerPort });
    },
    settings: (address) => ({ KAFKA_BROKERS: address }),
  },
  postgres: {
    choosePorts: onePort,
    server: postgresServer,
    settings: (address) => Object.fromEntries(Object.entries(databases).map(([setting, name]) => [setting, postgresUrl(address, name)])),
    createDatabases: (address) => createDatabases(address, Object.values(databases)),
  },
  mongodb: {
    choosePorts: onePort,
    server: mongodbServer,
    settings: (address) => ({ MONGODB_URL: mongodbUrl(address, "tidemark") }),
  },
  opensearch: {
    choosePorts: onePort,
    server: (options) => searchServer("opensearch", options),
    // An application has one search engine; where both run, it is Elasticsearch.
    settings: (address, { elasticsearch }) => ({ [elasticsearch ? "OPENSEARCH_URL" : "ELASTICSEARCH_URL"]: searchUrl(address) }),
  },
  elasticsearch: {
    choosePorts: onePort,
    server: (options) => searchServer("elasticsearch", options),
    settings: (address) => ({ ELASTICSEARCH_URL: searchUrl(address) }),
  },
  clickhouse: {
    choosePorts: onePort,
    server: clickhouseServer,
    settings: (address) => ({ CLICKHOUSE_URL: clickhouseUrl(address, "tidemark") }),
    createDatabases: async (address) => void (await clickhouseStatement(address, "create database if not exists tidemark")),
  },
};
