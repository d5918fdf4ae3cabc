import { execFileSync, spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";

/** A process that this project started. The start time tells it from a later one that got the same pid. */
export interface ProcessId {
  readonly pid: number;
  readonly startedAt: string;
}

export interface SpawnOptions {
  readonly command: string;
  readonly args: readonly string[];
  readonly cwd: string;
  readonly logFile: string;
  /** Added to the caller's environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}

/**
 * Starts a server in a process group of its own, so that a Ctrl-C in the terminal reaches only the caller.
 * The caller's event loop does not wait for it; its output goes to `logFile` (appended).
 */
export async function spawnServer(options: SpawnOptions): Promise<ProcessId> {
  const log = openSync(options.logFile, "a");
  try {
    const child = spawn(options.command, options.args, {
      cwd: options.cwd,
      detached: true,
      stdio: ["ignore", log, log],
      ...(options.env ? { env: { ...process.env, ...options.env } } : {}),
      ...(options.uid === undefined ? {} : { uid: options.uid }),
      ...(options.gid === undefined ? {} : { gid: options.gid }),
    });
    await new Promise<void>((resolve, reject) => {
      child.once("spawn", resolve);
      child.once("error", reject);
    });
    child.unref();
    if (child.pid === undefined) throw new Error(`${options.command} did not start.`);
    return { pid: child.pid, startedAt: startTime(child.pid) ?? "ended at once" };
  } finally {
    closeSync(log);
  }
}

/** True while that very process runs; false for a zombie and for another process with its pid. */
export function isRunning(id: ProcessId): boolean {
  return startTime(id.pid) === id.startedAt;
}

/** Sends the signal only if that very process still runs. */
export function signal(id: ProcessId, name: NodeJS.Signals): void {
  if (!isRunning(id)) return;
  try {
    process.kill(id.pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/** Sends `name`, waits until the process is gone, and kills it with SIGKILL after `graceMs`. */
export async function endProcess(id: ProcessId, name: NodeJS.Signals, graceMs = 30_000): Promise<void> {
  signal(id, name);
  if (await goneWithin(id, graceMs)) return;
  signal(id, "SIGKILL");
  if (!(await goneWithin(id, 10_000))) throw new Error(`Process ${id.pid} is still there 10 s after SIGKILL.`);
}

async function goneWithin(id: ProcessId, timeoutMs: number): Promise<boolean> {
  const deadline = Date.now() + timeoutMs;
  while (isRunning(id)) {
    if (Date.now() > deadline) return false;
    await delay(20);
  }
  return true;
}

/**
 * Asks `probe` until it is true. If the process ends before, or the time is up, the process is killed and the error
 * holds the end of the server's log.
 */
export async function untilReady(options: {
  readonly name: string;
  readonly id: ProcessId;
  readonly logFile: string;
  readonly timeoutMs: number;
  readonly probe: () => Promise<boolean>;
}): Promise<void> {
  const deadline = Date.now() + options.timeoutMs;
  while (!(await options.probe())) {
    const running = isRunning(options.id);
    if (running && Date.now() < deadline) {
      await delay(50);
      continue;
    }
    await endProcess(options.id, "SIGKILL");
    throw new Error(
      `${options.name} ${running ? `was not ready after ${options.timeoutMs} ms` : "ended before it was ready"}. ${logTail(options.logFile)}`,
    );
  }
}

/** The last lines of a log, with its path, for an error message. */
export function logTail(logFile: string, lines = 15): string {
  if (!existsSync(logFile)) return `There is no log at ${logFile}.`;
  return `The end of ${logFile}:\n${readFileSync(logFile, "utf8").trimEnd().split("\n").slice(-lines).join("\n")}`;
}

function startTime(pid: number): string | undefined {
  if (process.platform !== "linux") return startTimeByPs(pid);
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, "utf8");
    // The second field, the command in brackets, may itself hold spaces and brackets.
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    return fields[0] === "Z" ? undefined : fields[19];
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT" || code === "ESRCH") return undefined;
    throw error;
  }
}

function startTimeByPs(pid: number): string | undefined {
  try {
    const [state = "Z", ...started] = execFileSync("ps", ["-o", "stat=,lstart=", "-p", String(pid)], { encoding: "utf8" })
      .trim()
      .split(/\s+/);
    return state.startsWith("Z") ? undefined : started.join(" ");
  } catch (error) {
    if ((error as { status?: number }).status === 1) return undefined;
    throw error;
  }
}
