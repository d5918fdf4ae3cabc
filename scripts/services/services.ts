import { join } from "node:path";
import { catalog } from "./catalog.ts";
import { servicesDir } from "./places.ts";
import type { Server } from "./server.ts";
import { readState, runningProcess, type ServiceName, type ServicesState, type ServiceState, writeState } from "./state.ts";

/** Starts the service if it does not run. Its databases, where an application needs some, are there afterwards. */
export async function up(name: ServiceName, say: (line: string) => void): Promise<void> {
  const known = readState()[name];
  const running = runningProcess(known);
  const state = running && known ? known : await catalog[name].choosePorts(known);
  const server = serverOf(name, state, say);
  await server.start();
  const { process } = server;
  if (!process) throw new Error(`${server.name} ended just after it was ready; see ${server.logFile}.`);
  writeState((all) => ({ ...all, [name]: { ...state, process } }));
  say(`${server.name} ${running ? "runs already" : "is up"} at ${server.address} (pid ${process.pid}).`);
  await catalog[name].createDatabases?.(server.address);
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

/** The settings that point an application at these services. */
export function settingsOf(services: ServicesState): Record<string, string> {
  const settings = Object.entries(services).map(([name, { port }]) => catalog[name as ServiceName].settings(`127.0.0.1:${port}`, services));
  return Object.assign({}, ...settings) as Record<string, string>;
}

function serverOf(name: ServiceName, state: ServiceState, say: (line: string) => void): Server {
  const running = runningProcess(state);
  return catalog[name].server({ dir: join(servicesDir, name), port: state.port, say, ...(running ? { running } : {}) }, state);
}
