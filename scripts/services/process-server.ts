import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { endProcess, isRunning, type ProcessId, type SpawnOptions, spawnServer, untilReady } from "./processes.ts";
import type { Server } from "./server.ts";

/** What every launcher is told. */
export interface ServerOptions {
  /** Holds data, settings and log. Made if it is not there. */
  readonly dir: string;
  readonly port: number;
  /** A process that is known to run on this folder already. */
  readonly running?: ProcessId;
  /** Told what is fetched or made the first time. */
  readonly say?: (line: string) => void;
}

export interface ProcessServer extends ServerOptions {
  readonly name: string;
  /** Installs what is missing, writes the settings, and gives the command that runs the server. Called at every start. */
  prepare(): Promise<Omit<SpawnOptions, "logFile">>;
  /** True when the server answers as an application needs it. */
  readonly ready: () => Promise<boolean>;
  readonly readyWithinMs: number;
}

/** A server that is one process on 127.0.0.1, which SIGTERM stops in order. */
export function processServer(options: ProcessServer): Server {
  const { name, dir } = options;
  const logFile = join(dir, `${name.toLowerCase()}.log`);
  let id = options.running;

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (id) await endProcess(id, signal);
    id = undefined;
  };

  return {
    name,
    address: `127.0.0.1:${options.port}`,
    logFile,
    get process() {
      return id && isRunning(id) ? id : undefined;
    },
    async start() {
      if (id && isRunning(id)) return;
      mkdirSync(dir, { recursive: true });
      const started = await spawnServer({ ...(await options.prepare()), logFile });
      id = started;
      await untilReady({ name, id: started, logFile, timeoutMs: options.readyWithinMs, probe: options.ready });
    },
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}
