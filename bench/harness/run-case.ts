/** One case: a round that is thrown away, then the rounds, the contenders of each in turn. */
import type { BenchOptions, Case, CaseContext, Contender, Run, RunContext } from "../benchmark.ts";
import { cpuClock, type CpuSeconds } from "./cpu.ts";
import type { Servers } from "./servers.ts";

export interface MeasuredRun extends Run {
  readonly seconds: number;
  readonly cpu: CpuSeconds;
}

export interface CaseResult {
  readonly name: string;
  readonly against: string | undefined;
  readonly goals: Case["goals"];
  /** By contender, in their order; one run for each round. */
  readonly runs: ReadonlyMap<string, readonly MeasuredRun[]>;
}

export interface RunSettings extends BenchOptions {
  readonly rounds: number;
  /** Told what goes on: a line for each run. */
  readonly say: (line: string) => void;
}

/** @throws the error of a run, with the contender's name in front */
export async function runCase(each: Case, servers: Servers, settings: RunSettings): Promise<CaseResult> {
  const names = each.contenders.map(({ name }) => name);
  for (const name of [each.against, ...(each.goals ?? []).flatMap((goal) => [goal.of, goal.against])])
    if (name !== undefined && !names.includes(name)) throw new Error(`'${each.name}' has no contender '${name}': ${names.join(", ")}`);
  const context: CaseContext = {
    quick: settings.quick,
    large: settings.large,
    postgres: (more) => servers.postgres(more),
    kafka: () => servers.kafka(),
    seconds: settings.quick ? 1 : 4,
    warmUpSeconds: settings.quick ? 0.3 : 1,
  };
  const runs = new Map<string, MeasuredRun[]>(names.map((name) => [name, []]));
  const beganAt = performance.now();
  const done = await each.prepare?.(context);
  if (done !== undefined) settings.say(`  ${each.name}, prepared in ${secondsSince(beganAt)} s`);
  try {
    for (let round = each.warmUp === false ? 1 : 0; round <= (each.rounds ?? settings.rounds); round += 1)
      for (const contender of each.contenders) {
        const startedAt = performance.now();
        await servers.settle();
        const run = await runContender(contender, servers, context, round);
        if (round > 0) runs.get(contender.name)!.push(run);
        const what = `${each.name}, ${round === 0 ? "warm-up" : `round ${round}`}, ${contender.name}`;
        settings.say(`  ${what}: ${figuresOf(run)} (${secondsSince(startedAt)} s in all)`);
      }
  } finally {
    await done?.();
  }
  return { name: each.name, against: each.against, goals: each.goals, runs };
}

async function runContender(contender: Contender, servers: Servers, common: CaseContext, round: number): Promise<MeasuredRun> {
  const cleanups: (() => Promise<void>)[] = [];
  const children: number[] = [];
  let section: { readonly seconds: number; readonly cpu: CpuSeconds } | undefined;
  const context: RunContext = {
    ...common,
    seconds: round === 0 ? common.seconds / 2 : common.seconds,
    round,
    async database(settings) {
      const database = await (await servers.postgres(settings)).createDatabase();
      cleanups.push(() => database.drop());
      return database;
    },
    child: (pid) => void children.push(pid),
    async measured(work) {
      if (section !== undefined) throw new Error("measured() twice in a run");
      const cpu = cpuClock(() => ({ ...servers.pids(), children }));
      const startedAt = performance.now();
      const value = await work();
      const seconds = (performance.now() - startedAt) / 1_000;
      section = { seconds, cpu: cpu() };
      return { value, seconds };
    },
  };
  try {
    const run = await contender.run(context);
    if (section === undefined) throw new Error("it measured nothing");
    for (const [name, value] of Object.entries(run.figures))
      if (!Number.isFinite(value)) throw new Error(`its figure '${name}' is ${value}`);
    return { ...run, ...section };
  } catch (cause) {
    throw new Error(`${contender.name}: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  } finally {
    for (const clean of cleanups) await clean();
  }
}

const secondsSince = (startedAt: number): string => ((performance.now() - startedAt) / 1_000).toFixed(1);
const figuresOf = (run: Run): string =>
  Object.entries(run.figures)
    .map(([name, value]) => `${Math.round(value * 100) / 100} ${name}`)
    .join(", ");
