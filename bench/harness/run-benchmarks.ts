/** Benchmarks one after the other on the same servers, told as they go, written down after each case. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Benchmark } from "../benchmark.ts";
import { judge, type JudgedCase } from "./judge.ts";
import { type Machine, machine, machineLine } from "./machine.ts";
import { installOpponents } from "./opponents.ts";
import { caseReport, goalText } from "./report.ts";
import { runCase, type RunSettings } from "./run-case.ts";
import { benchServers, type Servers } from "./servers.ts";
import { deadline, timeLimit } from "./time-limit.ts";
import { leftOutText, type TimesOf, timesReport } from "./times.ts";

export interface BenchmarkReport {
  readonly name: string;
  readonly title: string;
  /** Setup, warm-up, opponents and checks with it; undefined while it runs. */
  seconds?: number;
  readonly cases: JudgedCase[];
}

export interface Report {
  readonly at: string;
  readonly command: readonly string[];
  readonly machine: Machine;
  readonly benchmarks: BenchmarkReport[];
  /** Those that were not begun for want of time. */
  readonly leftOut: string[];
}

export interface BenchmarksSettings extends RunSettings {
  readonly command: readonly string[];
  /** The report's text. */
  readonly print: (text: string) => void;
  /** Where the report is written beside .cache/bench. */
  readonly json?: string | undefined;
  /** Of the whole command, since the process began: what is likely not to be through by then is not begun. */
  readonly limitSeconds?: number;
}

/** Beyond the limit, for what was let in and took longer than expected; then the command fails. */
const graceSeconds = 12;

/**
 * Ends the servers that it started.
 * @throws what a run throws: figures of wrong work say nothing, so there is no verdict then; and where the time is up, with the servers still running
 */
export async function runBenchmarks(benchmarks: readonly Benchmark[], settings: BenchmarksSettings): Promise<Report> {
  if (benchmarks.some(({ opponents }) => opponents)) await installOpponents(settings.say);
  const servers = benchServers();
  const progress: Progress = { underWay: "the servers' start", done: [] };
  const late = settings.limitSeconds === undefined ? undefined : overrun(settings.limitSeconds, progress);
  const running = through(servers, benchmarks, settings, progress);
  try {
    return await (late === undefined ? running : Promise.race([running, late.passed]));
  } finally {
    late?.clear();
    // where a run failed, this says which
    if (progress.underWay !== undefined) settings.say(`\nnot through: ${progress.underWay}`);
    settings.print(`\n${timesReport(progress.done)}`);
  }
}

interface Progress {
  underWay: string | undefined;
  readonly done: TimesOf[];
}

function overrun(limitSeconds: number, progress: Progress) {
  const atSeconds = limitSeconds + graceSeconds;
  const error = () =>
    new Error(`the time was up: ${Math.round(atSeconds)} s, and ${progress.underWay ?? "the servers' end"} is not through`);
  return deadline(Math.max(0, atSeconds * 1_000 - performance.now()), error);
}

async function through(
  servers: Servers,
  benchmarks: readonly Benchmark[],
  settings: BenchmarksSettings,
  progress: Progress,
): Promise<Report> {
  try {
    const report = await runOn(servers, benchmarks, settings, progress);
    const goals = report.benchmarks.flatMap(({ name, cases }) =>
      cases.flatMap((each) => each.goals.map((goal) => ({ goal, where: `${name}, ${each.name}` }))),
    );
    settings.print(`\n${goals.filter(({ goal }) => goal.met).length} of ${goals.length} goals met`);
    for (const { goal, where } of goals) settings.print(`${goalText(goal)} [${where}]`);
    for (const name of report.leftOut) settings.print(leftOutText(name, settings.limitSeconds!));
    return report;
  } finally {
    await servers.stop();
  }
}

async function runOn(
  servers: Servers,
  benchmarks: readonly Benchmark[],
  settings: BenchmarksSettings,
  progress: Progress,
): Promise<Report> {
  const report: Report = {
    at: new Date().toISOString(),
    command: settings.command,
    machine: await machine(await servers.postgres()),
    benchmarks: [],
    leftOut: [],
  };
  settings.print(machineLine(report.machine));
  const limit = timeLimit(settings.limitSeconds ?? Number.POSITIVE_INFINITY, () => performance.now() / 1_000);
  for (const benchmark of benchmarks) {
    const { name, title, quickSeconds = 0 } = benchmark;
    if (!limit.fits(quickSeconds)) {
      report.leftOut.push(name);
      settings.print(`\n${leftOutText(name, settings.limitSeconds!)}`);
      continue;
    }
    settings.print(`\n${name}: ${title}`);
    const startedAt = performance.now();
    const own: BenchmarkReport = { name, title, cases: [] };
    report.benchmarks.push(own);
    for (const each of benchmark.cases(settings)) {
      progress.underWay = `${name}, ${each.name}`;
      const judged = judge(await runCase(each, servers, settings));
      own.cases.push(judged);
      settings.print(caseReport(judged));
      write(report, settings.json);
    }
    own.seconds = Math.round((performance.now() - startedAt) / 100) / 10;
    progress.done.push({ name, seconds: own.seconds, ...(settings.quick && quickSeconds > 0 && { expectedSeconds: quickSeconds }) });
    limit.took(quickSeconds, own.seconds);
  }
  progress.underWay = undefined;
  write(report, settings.json);
  return report;
}

/** Always to .cache/bench, which nothing keeps; and to the file that was asked for. */
function write(report: Report, file: string | undefined): void {
  const kept = fileURLToPath(new URL(`../../.cache/bench/${report.at.replaceAll(":", "-")}.json`, import.meta.url));
  for (const path of [kept, ...(file === undefined ? [] : [file])]) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, `${JSON.stringify(report, null, 2)}\n`);
  }
}
