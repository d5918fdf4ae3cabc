/** The embedded form on one data folder: killed under load and started again; nothing that was acknowledged may be lost. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../scripts/services/free-port.ts";
import type { Report } from "./checker.ts";
import { check } from "./checker.ts";
import { clientOf } from "./client.ts";
import { behind, dumpReadStore, dumpWriteStore } from "./dump-stores.ts";
import type { History, Stores, Violation } from "./history.ts";
import { send } from "./http.ts";
import { logWatch } from "./log-watch.ts";
import type { Ended, Program } from "./program.ts";
import { programOf } from "./program.ts";
import { randomOf } from "./random.ts";
import { readAtEnd } from "./round.ts";
import { runLoad } from "./workload.ts";

export interface EmbeddedOptions {
  /** Folder for the data and the log. */
  readonly dir: string;
  readonly kills: number;
  readonly seed: number;
  readonly clients?: number;
  /** Between a start and the next kill: at least this, and up to as much again. */
  readonly aliveMs?: number;
}

export interface EmbeddedResult {
  readonly report: Report;
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly stores: Stores;
  /** After the run, stopped. */
  readonly program: Program;
  /** Exit code after Ctrl-C. */
  readonly code: number | null;
  /** How a second process on the same folder ended, while the first one served. */
  readonly second: { readonly code: number | null; readonly output: string };
}

/** The program on the data folder `dir`/data. */
export async function embeddedProgram(dir: string, name = "embedded", env: Readonly<Record<string, string>> = {}): Promise<Program> {
  mkdirSync(dir, { recursive: true });
  return programOf({ name, port: await freePort(), dir, env: { TIDEMARK_DATA: join(dir, "data"), ...env } });
}

export async function killEmbedded(options: EmbeddedOptions): Promise<EmbeddedResult> {
  const random = randomOf(options.seed);
  const program = await embeddedProgram(options.dir);
  const watch = logWatch([program]);
  const endpoint = [{ process: program.name, url: program.url }];
  const targets = { commands: endpoint, queries: endpoint };
  const history: History = { commands: [], reads: [] };
  const stop = new AbortController();
  const giveUp = new AbortController();
  program.start();
  await program.ready();
  const load = runLoad({ name: `e${options.seed}`, random, clients: options.clients ?? 8, customers: 6, targets, history, stop: stop.signal, giveUp: giveUp.signal });
  const aliveMs = options.aliveMs ?? 700;
  for (let i = 0; i < options.kills; i++) {
    await wait(aliveMs + random.below(aliveMs));
    await program.kill();
    program.start();
    await program.ready();
  }
  const second = await startSecond(options.dir);
  await wait(aliveMs);
  stop.abort();
  const timer = setTimeout(() => giveUp.abort(), 30_000);
  await load;
  clearTimeout(timer);
  const { code } = await program.stop("SIGINT");

  const places = { write: { dataDir: join(options.dir, "data", "write") }, read: { dataDir: join(options.dir, "data", "read") } };
  const write = await dumpWriteStore(places.write);
  // Started again it has all data, and the views catch up by themselves.
  program.start();
  await program.ready();
  const judge = clientOf({ name: "judge", random, targets, history, giveUp: giveUp.signal });
  for (let i = 0; i < 50 && history.commands.some((c) => c.answers.length > 0); i++) await judge.repeat(random.pick(history.commands.filter((c) => c.answers.length > 0)));
  await readAtEnd(judge, write.events, history, random, write.logs);
  await program.stop("SIGTERM");
  const late = await behind(places);
  const stores: Stores = { ...write, ...(await dumpReadStore(places.read)), records: null };
  const report = check(history, stores);
  const text = (kind: Violation["kind"]) => (line: string): Violation => ({ kind, text: line });
  return {
    report, history, stores, program, code, second,
    violations: [...report.violations, ...late.map(text("catch-up")), ...program.surprises.map(text("process")), ...watch.faults().map(text("process"))],
  };
}

/** A second process on the folder of one that runs: must end by itself. */
async function startSecond(dir: string): Promise<EmbeddedResult["second"]> {
  const second = await embeddedProgram(dir, "second");
  second.start();
  const { code } = await second.ended();
  return { code, output: second.log() };
}

export interface UnderNpm {
  readonly url: string;
  output(): string;
  /** What Ctrl-C in a terminal does: SIGINT to every process of the group. `left`: processes of the group that are still there when npm has ended. */
  interrupt(): Promise<Ended & { readonly left: readonly number[] }>;
}

/** `npm start` on the data folder `dir`/data, in a process group of its own; resolves when it is ready. */
export async function underNpm(dir: string): Promise<UnderNpm> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn("npm", ["start"], { cwd: join(import.meta.dirname, ".."), detached: true, stdio: ["ignore", "pipe", "pipe"], env: { ...process.env, PORT: String(port), TIDEMARK_DATA: join(dir, "data") } });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const group = child.pid!;
  const exit = new Promise<Ended>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const end = () => process.kill(-group, "SIGKILL");
  process.once("exit", end);
  void exit.finally(() => process.off("exit", end));
  const deadline = Date.now() + 60_000;
  while ((await send({ method: "GET", url: `${url}/readyz`, timeoutMs: 2_000 })).status !== 200) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`npm start did not become ready.\n${output}`);
    await wait(100);
  }
  return {
    url,
    output: () => output,
    async interrupt() {
      process.kill(-group, "SIGINT");
      const ended = await Promise.race([exit, wait(20_000).then(() => Promise.reject(new Error(`npm start did not end after SIGINT.\n${output}`)))]);
      return { ...ended, left: groupMembers(group) };
    },
  };
}

function groupMembers(group: number): number[] {
  const rows = execFileSync("ps", ["-e", "-o", "pid=,pgid=,stat="], { encoding: "utf8" }).trim().split("\n").map((row) => row.trim().split(/\s+/));
  return rows.filter(([, pgid, stat]) => Number(pgid) === group && !stat!.startsWith("Z")).map(([pid]) => Number(pid));
}
