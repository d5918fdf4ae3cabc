/**
 * Real servers for development, without containers:
 *   npm run services -- up [name ...]     start and print the settings: kafka and postgres unless named; `all` is every one
 *   npm run services -- down [name ...]   stop those named, or all; data and ports stay
 *   npm run services -- status
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, relative } from "node:path";
import { servicesDir } from "./places.ts";
import { down, settingsOf, up } from "./services.ts";
import { readState, runningProcess, type ServiceName, serviceNames } from "./state.ts";

const usage = `Usage: npm run services -- up [name ...] | down [name ...] | status
Names: ${serviceNames.join(", ")}, all. Without a name: up starts kafka and postgres, down stops all.`;

const settingsFile = join(servicesDir, "env");

/** Progress goes to stderr: stdout holds only the settings. */
const say = (line: string): void => console.error(line);

async function main([verb, ...args]: readonly string[]): Promise<number> {
  const unknown = args.find((name) => name !== "all" && !serviceNames.includes(name as ServiceName));
  if (unknown !== undefined || !["up", "down", "status"].includes(verb ?? "")) {
    console.error(unknown === undefined ? usage : `There is no service '${unknown}'.\n${usage}`);
    return 2;
  }
  const named = args.includes("all") ? serviceNames : (args as ServiceName[]);
  if (verb === "status") status();
  else if (verb === "down") await downAll(named.length > 0 ? named : serviceNames);
  else await upAll(named.length > 0 ? named : ["kafka", "postgres"]);
  return 0;
}

async function upAll(names: readonly ServiceName[]): Promise<void> {
  // The search engines one after the other: each needs the whole machine for its start.
  const engines: readonly ServiceName[] = ["opensearch", "elasticsearch"];
  const searching = names.filter((name) => engines.includes(name));
  const oneByOne = searching.reduce<Promise<void>>((before, name) => before.then(() => up(name, say)), Promise.resolve());
  await settle([...names.filter((name) => !engines.includes(name)).map((name) => up(name, say)), oneByOne]);
  console.log(writeSettings());
  say(`Copy these lines, or start node with --env-file=${relative(process.cwd(), settingsFile)}`);
}

async function downAll(names: readonly ServiceName[]): Promise<void> {
  await settle(names.map((name) => down(name, say)));
  writeSettings();
}

/** Keeps the settings of what runs in a file that node can read, and gives its text. */
function writeSettings(): string {
  const text = Object.entries(runningSettings())
    .map(([name, value]) => `${name}=${value}`)
    .join("\n");
  mkdirSync(servicesDir, { recursive: true });
  writeFileSync(settingsFile, `${text}\n`);
  return text;
}

function status(): void {
  for (const name of serviceNames) {
    const state = readState()[name];
    const running = runningProcess(state);
    console.log(
      `${name.padEnd(13)} ${running && state ? `up at 127.0.0.1:${state.port}, pid ${running.pid}, log ${relative(process.cwd(), join(servicesDir, name, `${name}.log`))}` : "down"}`,
    );
  }
}

function runningSettings(): Record<string, string> {
  const state = readState();
  return settingsOf(Object.fromEntries(serviceNames.flatMap((name) => (runningProcess(state[name]) ? [[name, state[name]]] : []))));
}

/** Waits for all, so that one failure does not leave another service half started, then fails with the first. */
async function settle(all: readonly Promise<unknown>[]): Promise<void> {
  const failed = (await Promise.allSettled(all)).find((result) => result.status === "rejected");
  if (failed) throw failed.reason;
}

try {
  process.exitCode = await main(process.argv.slice(2));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}
