/** The embedded form on one data folder: killed under load and started again; nothing that was acknowledged may be lost. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../scripts/services/free-port.ts";
import type { Report } from "./checker.ts";
import { check } from "./checker.ts";
import { clientOf } from "./client.ts";
import { behind, dumpReadStore, dumpWriteStore } from "./dump-stores.ts";
import type { History, Stores, Violation } from "./history.ts";
import { logWatch } from "./log-watch.ts";
import type { Program } from "./program.ts";
import { programOf } from "./program.ts";
import { randomOf } from "./random.ts";
import { readAtEnd, repeatSome } from "./round.ts";
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
  const load = runLoad({
    name: `e${options.seed}`,
    random,
    clients: options.clients ?? 8,
    customers: 6,
    targets,
    history,
    stop: stop.signal,
    giveUp: giveUp.signal,
  });
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
  await repeatSome(judge, history.commands, random);
  await readAtEnd(judge, write.events, history, random, write.logs);
  await program.stop("SIGTERM");
  const late = await behind(places);
  const stores: Stores = { ...write, ...(await dumpReadStore(places.read)), records: null };
  const report = check(history, stores);
  const text =
    (kind: Violation["kind"]) =>
    (line: string): Violation => ({ kind, text: line });
  return {
    report,
    history,
    stores,
    program,
    code,
    second,
    violations: [
      ...report.violations,
      ...late.map(text("catch-up")),
      ...program.surprises.map(text("process")),
      ...watch.faults().map(text("process")),
    ],
  };
}

/** A second process on the folder of one that runs: must end by itself. */
async function startSecond(dir: string): Promise<EmbeddedResult["second"]> {
  const second = await embeddedProgram(dir, "second");
  second.start();
  const { code } = await second.ended();
  return { code, output: second.log() };
}
