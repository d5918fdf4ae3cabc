import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { servicesDir } from "./places.ts";
import { isRunning, type ProcessId } from "./processes.ts";

export const serviceNames = ["kafka", "postgres", "mongodb", "opensearch", "elasticsearch", "clickhouse"] as const;
export type ServiceName = (typeof serviceNames)[number];

/** What is known of a service between two calls of the command. The ports are kept, so that its URL stays the same. */
export interface ServiceState {
  readonly port: number;
  readonly controllerPort?: number;
  readonly process?: ProcessId;
}

export type ServicesState = { readonly [N in ServiceName]?: ServiceState };

const file = join(servicesDir, "state.json");

export function readState(): ServicesState {
  return existsSync(file) ? (JSON.parse(readFileSync(file, "utf8")) as ServicesState) : {};
}

export function writeState(change: (state: ServicesState) => ServicesState): void {
  mkdirSync(servicesDir, { recursive: true });
  writeFileSync(`${file}.new`, `${JSON.stringify(change(readState()), null, 2)}\n`);
  renameSync(`${file}.new`, file);
}

/** The process of the service if it still runs. */
export function runningProcess(state: ServiceState | undefined): ProcessId | undefined {
  return state?.process && isRunning(state.process) ? state.process : undefined;
}
