/**
 * Runs the tests: node --conditions=source scripts/test.ts [--pure] [part of a file name ...]
 * One Kafka and one PostgreSQL are started for all files and stopped whatever happens; --pure leaves out the files that
 * need them (*.int.test.ts, *.system.test.ts). The exit code is that of node's test runner.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { sharedServers } from "./testing/shared-servers.ts";

const say = (line: string): void => console.error(line);
const patterns = ["src", "test", "examples", "regression", "bench"].map((dir) => `${dir}/**/*.test.ts`);
const needsServices = (file: string): boolean => /\.(int|system)\.test\.ts$/.test(file);

/** Longer than any file takes; only a run that hangs meets it. */
const timeoutMs = 600_000;

let runner: ChildProcess | undefined;
const servers = sharedServers(say, (signal) => runner?.kill(signal));

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({ options: { pure: { type: "boolean", default: false } }, allowPositionals: true });
  const files = globSync(patterns, { exclude: (name) => name === "node_modules" })
    .filter((file) => !(values.pure && needsServices(file)))
    .filter((file) => positionals.length === 0 || positionals.some((part) => file.includes(part)))
    .toSorted();
  if (files.length === 0) {
    say(`No test file has ${positionals.join(" or ")} in its path.`);
    return 2;
  }
  const env = files.some(needsServices) ? await servers.start() : {};
  return await runFiles(files, env);
}

async function runFiles(files: readonly string[], env: Readonly<Record<string, string>>): Promise<number> {
  const totals = join(servers.scratch, "totals");
  const reporters = [
    "--test-reporter=spec",
    "--test-reporter-destination=stdout",
    `--test-reporter=${import.meta.resolve("./testing/totals-reporter.ts")}`,
    `--test-reporter-destination=${totals}`,
  ];
  const flags = ["--conditions=source", "--test", "--test-concurrency=2", `--test-timeout=${timeoutMs}`, ...reporters];
  runner = spawn(process.execPath, [...flags, ...files], { stdio: "inherit", env: { ...process.env, ...env } });
  const [code] = (await once(runner, "exit")) as [number | null];
  runner = undefined;
  await servers.stop();
  if (existsSync(totals)) process.stdout.write(`\n${readFileSync(totals, "utf8")}`);
  return code ?? 1;
}

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
  await servers.stop();
}
