import { execFile } from "node:child_process";
import { existsSync, mkdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import pg from "pg";
import { endProcess, isRunning, logTail, type ProcessId, spawnServer, untilReady } from "../processes.ts";
import type { Server } from "../server.ts";
import { commandAs, give, postgresAccount } from "./account.ts";
import { postgresBinaries } from "./binaries.ts";

const run = promisify(execFile);

export interface PostgresOptions {
  /** Holds data and log. Made if it is not there. */
  readonly dir: string;
  readonly port: number;
  /** A process that is known to run on this folder already. */
  readonly running?: ProcessId;
  /** More settings of postgresql.conf, by name. */
  readonly settings?: Readonly<Record<string, string>>;
}

/** The only password: these servers listen on 127.0.0.1 and hold nothing that matters. */
const password = "postgres";

/** The URL of a database on such a server, as the superuser. */
export function postgresUrl(address: string, database: string): string {
  return `postgres://postgres:${password}@${address}/${database}`;
}

/** One real PostgreSQL on 127.0.0.1 that keeps what it acknowledged: fsync, synchronous commit and full page writes are on. */
export function postgresServer(options: PostgresOptions): Server {
  const address = `127.0.0.1:${options.port}`;
  const dataDir = join(options.dir, "data");
  const logFile = join(options.dir, "postgres.log");
  let id = options.running;

  const start = async (): Promise<void> => {
    if (id && isRunning(id)) return;
    const binaries = await postgresBinaries();
    const account = postgresAccount();
    mkdirSync(options.dir, { recursive: true });
    if (!existsSync(dataDir)) await initialise(binaries.initdb, dataDir);
    const settings = {
      listen_addresses: "127.0.0.1",
      unix_socket_directories: "",
      shared_buffers: "64MB",
      max_connections: "200",
      max_prepared_transactions: "10",
      jit: "off",
      ...options.settings,
    };
    const args = [
      "-D",
      dataDir,
      "-p",
      String(options.port),
      ...Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]),
    ];
    const spawn = commandAs(account, binaries.postgres, args, [dataDir]);
    const deadline = Date.now() + 60_000;
    for (;;) {
      const started = await spawnServer({ ...spawn, cwd: options.dir, logFile });
      id = started;
      try {
        return await untilReady({ name: "PostgreSQL", id: started, logFile, timeoutMs: 60_000, probe: () => postgresAnswers(address) });
      } catch (error) {
        // The backends of a killed postmaster need a moment to notice; until then its successor refuses to start.
        if (Date.now() > deadline || !logTail(logFile, 4).includes("pre-existing shared memory block")) throw error;
      }
    }
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (id) await endProcess(id, signal);
    id = undefined;
  };

  return {
    name: "PostgreSQL",
    address,
    logFile,
    get process() {
      return id && isRunning(id) ? id : undefined;
    },
    start,
    // SIGINT is PostgreSQL's "fast" shutdown; its SIGTERM would wait for every client to leave.
    stop: () => end("SIGINT"),
    kill: () => end("SIGKILL"),
  };
}

/** Built beside its place and renamed, so that a data folder that exists is whole. */
async function initialise(initdb: string, dataDir: string): Promise<void> {
  const account = postgresAccount();
  const scratch = `${dataDir}.new`;
  rmSync(scratch, { recursive: true, force: true });
  mkdirSync(scratch, { recursive: true, mode: 0o700 });
  give(scratch, account);
  const passwordFile = `${dataDir}.password`;
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  give(passwordFile, account);
  try {
    // Text sorts by language, as in most teams' databases: a statement that needs code point order must say so.
    const locale = ["--encoding", "UTF8", "--locale", "C.UTF-8", "--locale-provider", "icu", "--icu-locale", "en-US"];
    const flags = [
      "--pgdata",
      scratch,
      "--username",
      "postgres",
      "--pwfile",
      passwordFile,
      "--auth",
      "scram-sha-256",
      ...locale,
      "--no-sync",
    ];
    const { command, args, ...as } = commandAs(account, initdb, flags, [scratch, passwordFile]);
    await run(command, args, { cwd: join(dataDir, ".."), ...as });
    renameSync(scratch, dataDir);
  } finally {
    rmSync(passwordFile, { force: true });
    rmSync(scratch, { recursive: true, force: true });
  }
}

async function postgresAnswers(address: string): Promise<boolean> {
  const client = new pg.Client({ connectionString: postgresUrl(address, "postgres"), connectionTimeoutMillis: 2_000 });
  // A connection that breaks while it is asked is an answer: not ready.
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return true;
  } catch {
    return false;
  } finally {
    await client.end();
  }
}
