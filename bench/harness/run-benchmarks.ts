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

export interface Report {
  readonly at: string;
  readonly command: readonly string[];
  readonly machine: Machine;
  readonly benchmarks: readonly { readonly name: string; readonly title: string; readonly cases: readonly JudgedCase[] }[];
}

export interface BenchmarksSettings extends RunSettings {
  readonly command: readonly string[];
  /** The report's text. */
  readonly print: (text: string) => void;
  /** Where the report is written beside .cache/bench. */
  readonly json?: string | undefined;
}

/** Ends the servers that it started. @throws what a run throws: figures of wrong work say nothing, so there is no verdict then */
export async function runBenchmarks(benchmarks: readonly Benchmark[], settings: BenchmarksSettings): Promise<Report> {
  if (benchmarks.some(({ opponents }) => opponents)) await installOpponents(settings.say);
  const servers = benchServers();
  try {
    const report = await runOn(servers, benchmarks, settings);
    const goals = report.benchmarks.flatMap(({ name, cases }) =>
      cases.flatMap((each) => each.goals.map((goal) => ({ goal, where: `${name}, ${each.name}` }))),
    );
    settings.print(`\n${goals.filter(({ goal }) => goal.met).length} of ${goals.length} goals met`);
    for (const { goal, where } of goals) settings.print(`${goalText(goal)} [${where}]`);
    return report;
  } finally {
    await servers.stop();
  }
}

async function runOn(servers: Servers, benchmarks: readonly Benchmark[], settings: BenchmarksSettings): Promise<Report> {
  const done: { readonly name: string; readonly title: string; readonly cases: JudgedCase[] }[] = [];
  const report: Report = {
    at: new Date().toISOString(),
    command: settings.command,
    machine: await machine(await servers.postgres()),
    benchmarks: done,
  };
  settings.print(machineLine(report.machine));
  for (const benchmark of benchmarks) {
    settings.print(`\n${benchmark.name}: ${benchmark.title}`);
    const cases: JudgedCase[] = [];
    done.push({ name: benchmark.name, title: benchmark.title, cases });
    for (const each of benchmark.cases(settings)) {
      const judged = judge(await runCase(each, servers, settings));
      cases.push(judged);
      settings.print(caseReport(judged));
      write(report, settings.json);
    }
  }
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
