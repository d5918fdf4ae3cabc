/**
 * `npm run regression -- [--rounds 8] [--seed n] [--only kills,broker,postgres,relays,older] [--seconds 12] [--clients 16]`
 * Rounds of kill -9 under load on real PostgreSQL and Kafka, then every other disturbance once; after each the history checker over everything.
 * Exit code 1 at any violation, with the seed and the part of the history that it is about.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { privateKafka, privatePostgres } from "../test/services.ts";
import { clusterOf } from "./cluster.ts";
import { brokerRestarts, kills, postgresRestarts, twoRelays } from "./disturbances.ts";
import { kafkaDump } from "./dump-kafka.ts";
import { explain } from "./explain.ts";
import { holdTransaction } from "./held-transaction.ts";
import type { Violation } from "./history.ts";
import { logWatch } from "./log-watch.ts";
import { olderState } from "./older-state.ts";
import { randomOf } from "./random.ts";
import type { Disturbance, RoundResult, Run } from "./round.ts";
import { runRound } from "./round.ts";

const { values } = parseArgs({
  options: {
    rounds: { type: "string", default: "8" },
    seed: { type: "string", default: String(Date.now() % 1_000_000) },
    only: { type: "string", default: "kills,broker,postgres,relays,older" },
    seconds: { type: "string", default: "12" },
    clients: { type: "string", default: "16" },
  },
});
const seed = Number(values.seed);
const only = new Set(values.only.split(","));
const loadMs = Number(values.seconds) * 1_000;
const say = (line: string) => process.stdout.write(`${line}\n`);
const seconds = (ms: number) => `${(ms / 1_000).toFixed(1)} s`;

const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "tidemark-regression-"));
say(`regression: seed ${seed}, ${values.clients} clients, logs in ${dir}`);
const [kafka, postgres] = await Promise.all([privateKafka(), privatePostgres()]);
let held = await holdTransaction(postgres, "held_0");
let holds = 0;
const cluster = await clusterOf({ kafka, postgres, name: "regression", dir });
const run: Run = {
  cluster, kafka: kafkaDump(kafka.brokers, cluster.prefix), random: randomOf(seed), watch: logWatch(cluster.programs), commands: [], held: () => held, clients: Number(values.clients),
};
await cluster.start();
say(`${cluster.programs.map((p) => p.name).join(", ")} ready after ${seconds(performance.now() - started)}`);

/** A restarted server has ended the open transaction: another one takes its place. */
const holdAgain = async () => {
  held = await holdTransaction(postgres, `held_${++holds}`);
};
const plan: Disturbance[] = [
  ...(only.has("kills") ? Array.from({ length: Number(values.rounds) }, () => kills(loadMs)) : []),
  ...(only.has("broker") ? [brokerRestarts(kafka, loadMs)] : []),
  ...(only.has("postgres") ? [postgresRestarts(postgres, holdAgain, loadMs)] : []),
  ...(only.has("relays") ? [twoRelays(loadMs)] : []),
];

let failed = false;
const killed = { command: 0, projection: 0, query: 0, freeze: 0 };
let reads = 0;
let last: RoundResult | null = null;
for (const [i, what] of plan.entries()) {
  const result = await runRound(run, `s${seed}r${i + 1}`, what);
  for (const kind of Object.keys(killed) as (keyof typeof killed)[]) killed[kind] += result.kills[kind];
  reads += result.report.reads;
  say(lineOf(i + 1, result, last));
  if (result.violations.length > 0) {
    tell(result.violations, (violation) => explain(violation, run.commands, result.stores));
    break;
  }
  last = result;
}
if (only.has("older") && !failed) {
  const began = performance.now();
  const { violations, removed, accepted } = await olderState(run);
  say(`older state: ${removed} events taken out of the write store, ${accepted} commands accepted after it, ${violations.length} violations, ${seconds(performance.now() - began)}`);
  tell(violations, (violation) => `  ${violation.kind}: ${violation.text}`);
}

await cluster.stop();
await held.close();
await Promise.all([kafka.stop(), postgres.stop()]);
const kinds = `command+relay ${killed.command}, projection ${killed.projection}, query ${killed.query}, frozen ${killed.freeze}`;
say(`${failed ? "FAILED" : "passed"}: ${plan.length} rounds, ${last?.report.commands ?? 0} commands, ${last?.report.events ?? 0} events, kills: ${kinds}, ${last?.report.repeated ?? 0} duplicates skipped, ${reads} reads checked, ${seconds(performance.now() - started)}, seed ${seed}`);
if (failed) say(`Logs of the processes: ${dir}. Again: npm run regression -- --seed ${seed} --rounds ${values.rounds}`);
else rmSync(dir, { recursive: true, force: true });
process.exitCode = failed ? 1 : 0;

function lineOf(n: number, result: RoundResult, before: RoundResult | null): string {
  const { report, kills: k } = result;
  const news = (key: "commands" | "accepted" | "rejected" | "events" | "repeated") => report[key] - (before?.report[key] ?? 0);
  const unknown = result.history.commands.reduce((sum, c) => sum + c.unknown, 0);
  return [
    `round ${n} (${result.name})`, `${news("commands")} commands (${news("accepted")} accepted, ${news("rejected")} rejected, ${unknown} attempts without answer)`, `${news("events")} events`,
    `kills: command+relay ${k.command}, projection ${k.projection}, query ${k.query}, frozen ${k.freeze}`, `${news("repeated")} duplicates skipped`,
    `${report.reads} reads checked, ${report.readsRefused} refused as late`, `transaction held ${seconds(result.heldMs)}`, `${result.violations.length} violations`, seconds(result.ms),
  ].join(" · ");
}

function tell(violations: readonly Violation[], explained: (violation: Violation) => string): void {
  if (violations.length === 0) return;
  failed = true;
  for (const violation of violations.slice(0, 8)) say(explained(violation));
  if (violations.length > 8) say(`  … and ${violations.length - 8} more`);
}
