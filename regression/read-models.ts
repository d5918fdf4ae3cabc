/**
 * `npm run regression:read-models -- [--commands 10000] [--outage-seconds 30] [--only MongoDB,Kafka] [--seed n] [--clients 24] [--keep-logs]`
 * The orders service with every read model in its own store: a random workload through HTTP, then each read model against a fold of the log, to the cent;
 * then each store is stopped for a while under load, started again, and everything compared once more. Exit code 1 at any violation.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { checkCommands } from "./check-commands.ts";
import { checkLog } from "./check-log.ts";
import { checkReads } from "./check-reads.ts";
import type { History, Violation } from "./history.ts";
import { logWatch } from "./log-watch.ts";
import { foldLog } from "./oracle.ts";
import { say, seconds } from "./output.ts";
import { randomOf } from "./random.ts";
import { compare } from "./read-models/compare.ts";
import { outage } from "./read-models/outage.ts";
import { startParts } from "./read-models/parts.ts";
import { runLoad } from "./workload.ts";

const { values } = parseArgs({
  options: {
    "commands": { type: "string", default: "10000" },
    "outage-seconds": { type: "string", default: "30" },
    "only": { type: "string" },
    "seed": { type: "string", default: String(Date.now() % 1_000_000) },
    "clients": { type: "string", default: "24" },
    "keep-logs": { type: "boolean", default: false },
  },
});
const [total, outageMs, seed, clients] = [
  Number(values.commands),
  Number(values["outage-seconds"]) * 1_000,
  Number(values.seed),
  Number(values.clients),
];
const started = performance.now();
const dir = mkdtempSync(join(tmpdir(), "tidemark-read-models-"));
const random = randomOf(seed);
const history: History = { commands: [], reads: [] };
const violations: Violation[] = [];
say(`read models: seed ${seed}, ${total} commands, outages of ${seconds(outageMs)}, logs in ${dir}`);
const parts = await startParts(dir);
const watch = logWatch(parts.programs);
say(`all servers and ${parts.programs.map(({ name }) => name).join(", ")} ready after ${seconds(performance.now() - started)}`);

/** Random commands and reads until `stop`; each command is answered then, or given up after a minute. */
async function load(name: string, howMany: number, stop: AbortSignal): Promise<void> {
  const giveUp = new AbortController();
  const patience = () => void setTimeout(() => giveUp.abort(), 60_000).unref();
  stop.addEventListener("abort", patience);
  await runLoad({
    name,
    random: random.fork(name),
    clients: howMany,
    customers: 12,
    targets: parts.targets,
    history,
    stop,
    giveUp: giveUp.signal,
  });
}

/** Every read model once more, and the whole history. */
async function judge(when: string): Promise<void> {
  const began = performance.now();
  const { counts, violations: found, stores } = await compare(parts);
  const reads = checkReads(history.reads, foldLog(stores.events));
  const all = [
    ...found,
    ...checkLog({ ...stores, records: null, checkpoints: [], documents: [] }),
    // probes are no part of the history, and their effects are compared all the same
    ...checkCommands(
      history.commands,
      stores.events.filter(({ stream }) => !/^(probe|after)-/.test(stream)),
    ),
    ...reads.violations,
    ...watch.faults().map((text): Violation => ({ kind: "process", text })),
    ...parts.programs.flatMap((program) => program.surprises.splice(0).map((text): Violation => ({ kind: "process", text }))),
    ...history.commands
      .filter(({ answers }) => answers.length === 0)
      .map(({ kind, key }): Violation => ({ kind: "answer", text: `${kind} ${key} was never answered` })),
  ];
  const accepted = history.commands.filter(({ answers }) => answers[0]?.status === 202).length;
  say(
    [
      when,
      `${history.commands.length} commands, ${accepted} accepted`,
      `${stores.events.length} events`,
      `compared: ${Object.entries(counts)
        .map(([view, count]) => `${view} ${count}`)
        .join(", ")}`,
      `${reads.fresh} reads checked, ${reads.refused} refused as late`,
      `${all.length} violations`,
      seconds(performance.now() - began),
    ].join(" · "),
  );
  for (const { kind, text } of all.slice(0, 8)) say(`  ${kind}: ${text}`);
  violations.push(...all);
}

const enough = new AbortController();
const counting = setInterval(() => {
  if (history.commands.length >= total) enough.abort();
}, 20);
const loading = performance.now();
await load(`s${seed}`, clients, enough.signal);
clearInterval(counting);
say(`${history.commands.length} commands and ${history.reads.length} reads in ${seconds(performance.now() - loading)}`);
await judge("after the load");

const chosen = values.only?.split(",");
for (const [i, part] of parts.stoppable.entries()) {
  if (violations.length > 0) break;
  if (chosen !== undefined && !chosen.includes(part.name)) continue;
  const stop = new AbortController();
  const busy = load(`s${seed}o${i}`, Math.min(clients, 6), stop.signal);
  const { line, violations: found } = await outage(parts, part, outageMs);
  stop.abort();
  await busy;
  say(line);
  for (const { kind, text } of found.slice(0, 8)) say(`  ${kind}: ${text}`);
  violations.push(...found);
  await judge(`after ${part.name} was down`);
}

await parts.stop();
say(
  `${violations.length > 0 ? "FAILED" : "passed"}: ${violations.length} violations · ${seconds(performance.now() - started)} · seed ${seed}`,
);
if (violations.length === 0 && !values["keep-logs"]) rmSync(dir, { recursive: true, force: true });
process.exit(violations.length === 0 ? 0 : 1);
