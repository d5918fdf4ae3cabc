import { join } from "node:path";
import pg from "pg";
import { freePort } from "./free-port.ts";
import { kafkaServer } from "./kafka/broker.ts";
import { servicesDir } from "./places.ts";
import { postgresServer, postgresUrl } from "./postgres/cluster.ts";
import type { Server } from "./server.ts";
import { readState, runningProcess, type ServiceName, type ServiceState, writeState } from "./state.ts";

/** The databases of a development PostgreSQL; write and read side share none. */
const databases = { DATABASE_URL: "tidemark_write", READ_DATABASE_URL: "tidemark_read" } as const;

/** Starts the service if it does not run; gives the settings that point an application at it. */
export async function up(name: ServiceName, say: (line: string) => void): Promise<Record<string, string>> {
  const known = readState()[name];
  const running = runningProcess(known);
  const state = running && known ? known : await choosePorts(name, known);
  const server = serverOf(name, state, say);
  await server.start();
  const { process } = server;
  if (!process) throw new Error(`${server.name} ended just after it was ready; see ${server.logFile}.`);
  writeState((all) => ({ ...all, [name]: { ...state, process } }));
  say(`${server.name} ${running ? "runs already" : "is up"} at ${server.address} (pid ${process.pid}).`);
  if (name === "postgres") await createDatabases(server.address);
  return settingsOf(name, state);
}

/** Stops the service if it runs. Its data and ports stay. */
export async function down(name: ServiceName, say: (line: string) => void): Promise<void> {
  const state = readState()[name];
  if (!state || !runningProcess(state)) return say(`${name} does not run.`);
  await serverOf(name, state, say).stop();
  const { process: _stopped, ...rest } = state;
  writeState((all) => ({ ...all, [name]: rest }));
  say(`${name} is stopped.`);
}

/** The settings that point an application at the service. */
export function settingsOf(name: ServiceName, { port }: ServiceState): Record<string, string> {
  const address = `127.0.0.1:${port}`;
  if (name === "kafka") return { KAFKA_BROKERS: address };
  return Object.fromEntries(Object.entries(databases).map(([setting, database]) => [setting, postgresUrl(address, database)]));
}

async function choosePorts(name: ServiceName, known: ServiceState | undefined): Promise<ServiceState> {
  const port = await freePort(known?.port);
  return name === "kafka" ? { port, controllerPort: await freePort(known?.controllerPort) } : { port };
}

function serverOf(name: ServiceName, state: ServiceState, say: (line: string) => void): Server {
  const running = runningProcess(state);
  const common = { dir: join(servicesDir, name), port: state.port, ...(running ? { running } : {}) };
  if (name === "postgres") return postgresServer(common);
  if (state.controllerPort === undefined)
    throw new Error(`The state of ${name} in ${servicesDir} has no controller port; delete that folder.`);
  return kafkaServer({ ...common, controllerPort: state.controllerPort, say });
}

async function createDatabases(address: string): Promise<void> {
  const client = new pg.Client({ connectionString: postgresUrl(address, "postgres") });
  await client.connect();
  try {
    for (const database of Object.values(databases)) {
      const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [database]);
      if (!rowCount) await client.query(`create database ${client.escapeIdentifier(database)}`);
    }
  } finally {
    await client.end();
  }
}
