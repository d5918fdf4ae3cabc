/**
 * `npm run mutants -- [--only part-of-a-name] [--clause I4] [--list] [--json] [--repeat n] [--workers n] [--verbose]`
 * Takes away one clause of the design's invariants after the other, each in a copy of the project, and runs the tests that guard it on real
 * PostgreSQL and Kafka. Exit code 1 where a mutant survives (or its run says nothing), 2 where tests fail without any patch.
 */
import { parseArgs } from "node:util";
import { sharedServers } from "../../scripts/testing/shared-servers.ts";
import { baselineProblems, baselineRuns } from "./baseline.ts";
import type { Mutant } from "./mutant.ts";
import { mutants } from "./mutants.ts";
import { endAll, runTests } from "./run-tests.ts";
import { table } from "./table.ts";
import { type Verdict, tells, verdictOf } from "./verdict.ts";
import { checkPatches, type Workspace, workspace } from "./workspace.ts";

export interface Result {
  readonly mutant: Mutant;
  readonly verdict: Verdict;
  readonly seconds: number;
}

const { values } = parseArgs({
  options: {
    only: { type: "string" },
    clause: { type: "string" },
    list: { type: "boolean", default: false },
    json: { type: "boolean", default: false },
    repeat: { type: "string", default: "1" },
    workers: { type: "string", default: "2" },
    verbose: { type: "boolean", default: false },
  },
});
const timeoutMs = 90_000;
const say = (line: string): void => console.error(line);
const startedAt = performance.now();
const workspaces: Workspace[] = [];
const servers = sharedServers(say, endAll);
process.once("exit", () => {
  endAll();
  for (const one of workspaces) one.remove();
});

/** Each of `items` once, by as many at a time as there are workspaces. */
async function shareOut<I>(items: readonly I[], work: (item: I, at: Workspace) => Promise<void>): Promise<void> {
  const queue = [...items];
  await Promise.all(
    workspaces.map(async (at) => {
      for (let item = queue.shift(); item !== undefined; item = queue.shift()) await work(item, at);
    }),
  );
}

async function attempt(mutant: Mutant, at: Workspace, env: Readonly<Record<string, string>>): Promise<Result> {
  const from = performance.now();
  const verdict = await at.with(mutant, async (): Promise<Verdict> => {
    let last: Verdict = { is: "survived" };
    for (const { file, pattern } of mutant.tests) {
      last = verdictOf(
        await runTests({ root: at.root, file, patterns: pattern === undefined ? [] : [pattern], env, timeoutMs, until: tells }),
      );
      if (last.is !== "survived") break;
    }
    return last;
  });
  return { mutant, verdict, seconds: (performance.now() - from) / 1_000 };
}

async function main(): Promise<number> {
  const chosen = mutants.filter(({ name, clause }) => name.includes(values.only ?? "") && (values.clause ?? clause) === clause);
  if (values.list) {
    process.stdout.write(values.json ? `${JSON.stringify(chosen, null, 2)}\n` : table(chosen.map((mutant) => ({ mutant }))));
    return 0;
  }
  if (chosen.length === 0) {
    say("No mutant has such a name.");
    return 2;
  }
  checkPatches(chosen);
  for (let i = 0; i < Math.max(1, Number(values.workers)); i++) workspaces.push(workspace());
  const env = await servers.start();

  const problems: string[] = [];
  await shareOut(baselineRuns(chosen), async (run, { root }) => {
    problems.push(...baselineProblems(run, await runTests({ root, ...run, env, timeoutMs })));
  });
  if (problems.length > 0) {
    say(problems.join("\n"));
    return 2;
  }
  say(`${baselineRuns(chosen).length} test files pass without a patch (${seconds()} s)`);

  const results: Result[] = [];
  const all = Array.from({ length: Math.max(1, Number(values.repeat)) }, () => chosen).flat();
  await shareOut(all, async (mutant, at) => {
    const result = await attempt(mutant, at, env);
    results.push(result);
    if (result.verdict.is !== "found" || values.verbose) say(`${mutant.clause} ${mutant.name}: ${JSON.stringify(result.verdict, null, 1)}`);
  });
  const sorted = results.toSorted((a, b) => all.indexOf(a.mutant) - all.indexOf(b.mutant));
  process.stdout.write(values.json ? `${JSON.stringify(sorted, null, 2)}\n` : table(sorted));
  const count = (is: Verdict["is"]) => results.filter(({ verdict }) => verdict.is === is).length;
  say(`${results.length} mutants: ${count("found")} found, ${count("survived")} survived, ${count("invalid")} invalid, in ${seconds()} s`);
  return count("found") === results.length ? 0 : 1;
}

const seconds = (): string => ((performance.now() - startedAt) / 1_000).toFixed(1);

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 2;
} finally {
  await servers.stop();
}
