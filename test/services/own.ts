/** Servers and folders that end with this process, and what every test server has. */
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import type { Server } from "../../scripts/services/server.ts";

export interface TestServer {
  /** Undefined for the shared server and for one that does not run. */
  readonly pid: number | undefined;
  /** Again on the same port and data. These three refuse on the shared server. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
}

/** A database of one test, or what a server has instead. */
export interface TestDatabase {
  readonly name: string;
  /** Of the server and, where its URLs name one, of the database. */
  readonly url: string;
  /** Drops it with all that is in it. */
  drop(): Promise<void>;
  [Symbol.asyncDispose](): Promise<void>;
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

/** Starts a server that is killed when this process ends. */
export async function startOwned(server: Server): Promise<void> {
  endWithProcess();
  owned.add(server);
  await server.start();
}

/** A temporary folder that goes with this process. */
export function scratchFolder(name: string): string {
  endWithProcess();
  const dir = mkdtempSync(join(tmpdir(), `tidemark-${name}-`));
  scratchFolders.add(dir);
  return dir;
}

let ends = false;

/** Servers are not waited for at the end, so they cannot be stopped in order: they are killed, and their data goes. */
function endWithProcess(): void {
  if (ends) return;
  ends = true;
  process.once("exit", () => {
    for (const { process: running } of owned) if (running) process.kill(running.pid, "SIGKILL");
    for (const dir of scratchFolders) rmSync(dir, { recursive: true, force: true, maxRetries: 5 });
  });
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));
}

export function testServer(server: Server): TestServer {
  return {
    get pid() {
      return server.process?.pid;
    },
    start: () => server.start(),
    stop: () => server.stop(),
    kill: () => server.kill(),
  };
}

/** The server of this test run, which other test files use too. `instead`: what a test takes that must stop one. */
export function sharedServer(name: string, instead: string): TestServer {
  const refuse = (): Promise<never> =>
    Promise.reject(new Error(`This ${name} is shared by all tests; take ${instead}() to stop or kill one.`));
  return { pid: undefined, start: refuse, stop: refuse, kill: refuse };
}
