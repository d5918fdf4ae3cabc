/** The running program (examples/orders) as a process of its own, which may be killed, frozen and started again on the same port. */
import { spawn } from "node:child_process";
import type { ChildProcess } from "node:child_process";
import { closeSync, openSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { send } from "./http.ts";

const root = join(import.meta.dirname, "..");

export interface Ended {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

export interface Program {
  readonly name: string;
  readonly url: string;
  /** Output of all its lives. */
  readonly logFile: string;
  readonly running: boolean;
  /** Ends that nobody here asked for. */
  readonly surprises: string[];
  /** Starts the process; does not wait until it is ready. */
  start(extra?: Readonly<Record<string, string>>): void;
  /** Waits for 200 from /readyz, or until the process is killed or stopped from here. @throws with the end of the log after `timeoutMs`, or when the process ends by itself */
  ready(timeoutMs?: number): Promise<void>;
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>;
  /** Sends the signal and waits until the process is gone. */
  stop(signal: "SIGINT" | "SIGTERM", timeoutMs?: number): Promise<Ended>;
  /** Waits until it ends by itself, which is then no surprise. */
  ended(timeoutMs?: number): Promise<Ended>;
  freeze(): void;
  thaw(): void;
  log(): string;
}

const alive = new Set<ChildProcess>();
process.once("exit", () => {
  for (const child of alive) child.kill("SIGKILL");
});
for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, () => process.exit(1));

export interface ProgramOptions {
  readonly name: string;
  readonly port: number;
  /** Folder of the log file. */
  readonly dir: string;
  readonly env: Readonly<Record<string, string>>;
  /** What is run in place of the example by node, from the repository's root. */
  readonly command?: readonly string[];
}

export function programOf(options: ProgramOptions): Program {
  const logFile = join(options.dir, `${options.name}.log`);
  const url = `http://127.0.0.1:${options.port}`;
  const surprises: string[] = [];
  let child: ChildProcess | null = null;
  let exit: Promise<Ended> = Promise.resolve({ code: null, signal: null });
  let expected = true;

  const log = () => readFileSync(logFile, "utf8");
  const within = async <T>(promise: Promise<T>, timeoutMs: number, what: string): Promise<T> => {
    const timer = new AbortController();
    try {
      return await Promise.race([
        promise,
        wait(timeoutMs, undefined, { signal: timer.signal }).then(() =>
          Promise.reject(new Error(`${options.name} ${what} within ${timeoutMs} ms.\n${tail(log())}`)),
        ),
      ]);
    } finally {
      timer.abort();
    }
  };

  return {
    name: options.name,
    url,
    logFile,
    surprises,
    get running() {
      return child !== null;
    },
    start(extra = {}) {
      if (child !== null) throw new Error(`${options.name} runs already.`);
      const output = openSync(logFile, "a");
      const inherited = Object.fromEntries(
        ["PATH", "HOME", "TMPDIR", "LANG"].flatMap((k) => (process.env[k] === undefined ? [] : [[k, process.env[k]]])),
      );
      const started = spawn(process.execPath, ["--conditions=source", ...(options.command ?? ["examples/orders/main.ts"])], {
        cwd: root,
        // a restart under load takes a third of the time where the modules need not be compiled again
        env: {
          ...inherited,
          NODE_COMPILE_CACHE: join(root, ".cache", "compiled"),
          PORT: String(options.port),
          HOST: "127.0.0.1",
          ...options.env,
          ...extra,
        },
        stdio: ["ignore", output, output],
      });
      closeSync(output);
      alive.add(started);
      child = started;
      expected = false;
      exit = new Promise((resolve, reject) => {
        started.once("error", reject);
        started.once("exit", (code, signal) => {
          alive.delete(started);
          child = null;
          if (!expected) surprises.push(`${options.name} ended by itself (${signal ?? `code ${code}`}).\n${tail(log())}`);
          resolve({ code, signal });
        });
      });
    },
    async ready(timeoutMs = 90_000) {
      const deadline = Date.now() + timeoutMs;
      const awaited = child;
      for (;;) {
        const reply = await send({ method: "GET", url: `${url}/readyz`, timeoutMs: 5_000 });
        if (reply.status === 200) return;
        if (expected || (child !== null && child !== awaited)) return;
        if (child === null) throw new Error(`${options.name} ended before it was ready.\n${tail(log())}`);
        if (Date.now() > deadline)
          throw new Error(
            `${options.name} was not ready after ${timeoutMs} ms (${reply.status ?? reply.problem} ${JSON.stringify(reply.body)}).\n${tail(log())}`,
          );
        await wait(50);
      }
    },
    async kill() {
      expected = true;
      child?.kill("SIGKILL");
      await exit;
    },
    async stop(signal, timeoutMs = 40_000) {
      expected = true;
      child?.kill(signal);
      return await within(exit, timeoutMs, `did not end after ${signal}`);
    },
    async ended(timeoutMs = 60_000) {
      expected = true;
      return await within(exit, timeoutMs, "did not end");
    },
    freeze: () => void child?.kill("SIGSTOP"),
    thaw: () => void child?.kill("SIGCONT"),
    log,
  };
}

export const tail = (text: string, lines = 15): string => text.trimEnd().split("\n").slice(-lines).join("\n");
