/** One test file in a process of its own, in a copy of the project. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import type { TestEnd } from "./reporter.ts";

export interface RunOptions {
  /** Root of the project's copy. */
  readonly root: string;
  readonly file: string;
  /** Empty: all tests. */
  readonly patterns: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly timeoutMs: number;
  /** Ends the process as soon as this holds for a test that ended. */
  readonly until?: (end: TestEnd) => boolean;
}

export interface TestRunResult {
  readonly ends: readonly TestEnd[];
  /** null: it was ended, by us or by a signal. */
  readonly exitCode: number | null;
  readonly timedOut: boolean;
  readonly seconds: number;
  readonly stderr: string;
}

/** A process that was asked to end closes its servers; it is not waited for longer. */
const graceMs = 5_000;
const keptCharacters = 4_000;
const running = new Set<number>();

/** For a signal: no test process outlives this one. */
export function endAll(): void {
  for (const pid of running) process.kill(pid, "SIGKILL");
}

export async function runTests({ root, file, patterns, env, timeoutMs, until }: RunOptions): Promise<TestRunResult> {
  const startedAt = performance.now();
  const flags = [
    "--conditions=source",
    `--test-reporter=${import.meta.resolve("./reporter.ts")}`,
    "--test-reporter-destination=stdout",
    ...patterns.map((pattern) => `--test-name-pattern=/${pattern.replaceAll("/", "\\/")}/`),
  ];
  const child = spawn(process.execPath, [...flags, file], {
    cwd: root,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  const { pid } = child;
  if (pid !== undefined) running.add(pid);
  const exited = once(child, "exit") as Promise<[number | null]>;
  const timers: NodeJS.Timeout[] = [];
  const end = () => {
    child.kill("SIGTERM");
    timers.push(setTimeout(() => child.kill("SIGKILL"), graceMs));
  };
  let timedOut = false;
  timers.push(
    setTimeout(() => {
      timedOut = true;
      end();
    }, timeoutMs),
  );
  let stderr = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    stderr = (stderr + text).slice(-keptCharacters);
  });
  const ends: TestEnd[] = [];
  let done = false;
  const lines = createInterface(child.stdout);
  lines.on("line", (line) => {
    // tests may print too
    if (!line.startsWith('{"name":')) return;
    const one = JSON.parse(line) as TestEnd;
    ends.push(one);
    if (done || until === undefined || !until(one)) return;
    done = true;
    end();
  });
  const [[exitCode]] = await Promise.all([exited, once(lines, "close")]);
  if (pid !== undefined) running.delete(pid);
  for (const timer of timers) clearTimeout(timer);
  return { ends, exitCode, timedOut, seconds: (performance.now() - startedAt) / 1_000, stderr };
}
