/**
 * Runs the tests: node --conditions=source scripts/test.ts [--pure] [part of a file name ...]
 * One Kafka and one PostgreSQL are started for all files and stopped whatever happens; --pure leaves out the files that
 * need them (*.int.test.ts, *.system.test.ts). The exit code is that of node's test runner.
 */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, globSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { freePort } from "./services/free-port.ts";
import { kafkaServer } from "./services/kafka/broker.ts";
import { postgresServer, postgresUrl } from "./services/postgres/cluster.ts";
import type { Server } from "./services/server.ts";

const say = (line: string): void => console.error(line);
const patterns = ["src", "test", "examples"].map((dir) => `${dir}/**/*.test.ts`);
const needsServices = (file: string): boolean => /\.(int|system)\.test\.ts$/.test(file);

/** Longer than any file takes; only a run that hangs meets it. */
const timeoutMs = 600_000;

const servers: Server[] = [];
const scratch = mkdtempSync(join(tmpdir(), "tidemark-test-"));
let runner: ChildProcess | undefined;

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
  const env = files.some(needsServices) ? await startServices() : {};
  return await runFiles(files, env);
}

async function startServices(): Promise<Record<string, string>> {
  const kafka = kafkaServer({ dir: join(scratch, "kafka"), port: await freePort(), controllerPort: await freePort(), say });
  const postgres = postgresServer({ dir: join(scratch, "postgres"), port: await freePort() });
  servers.push(kafka, postgres);
  const failed = (await Promise.allSettled(servers.map((server) => server.start()))).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
  return { TIDEMARK_TEST_KAFKA: kafka.address, TIDEMARK_TEST_POSTGRES: postgresUrl(postgres.address, "postgres") };
}

async function runFiles(files: readonly string[], env: Record<string, string>): Promise<number> {
  const totals = join(scratch, "totals");
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
  await stopServices();
  if (existsSync(totals)) process.stdout.write(`\n${readFileSync(totals, "utf8")}`);
  return code ?? 1;
}

async function stopServices(): Promise<void> {
  await Promise.all(servers.splice(0).map((server) => server.stop()));
}

for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
  process.once(signal, () => {
    runner?.kill(signal);
    // The exit handler does the rest.
    process.exit(1);
  });
}
process.once("exit", () => {
  for (const { process: running } of servers) if (running) process.kill(running.pid, "SIGKILL");
  rmSync(scratch, { recursive: true, force: true, maxRetries: 5 });
});

try {
  process.exitCode = await main();
} catch (error) {
  say(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
  await stopServices();
}
