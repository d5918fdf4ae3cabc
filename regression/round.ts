/** One round: load, disturbance, calm, catching up, and the checker over everything that was ever written. */
import { setTimeout as wait } from "node:timers/promises";
import { formatToken } from "../src/core/token.ts";
import type { Kills } from "./chaos.ts";
import { pause } from "./chaos.ts";
import type { Report } from "./checker.ts";
import { check } from "./checker.ts";
import type { Client, Kept } from "./client.ts";
import { clientOf } from "./client.ts";
import type { Cluster } from "./cluster.ts";
import type { KafkaDump } from "./dump-kafka.ts";
import { behind, deadlocks, dumpReadStore, dumpWriteStore } from "./dump-stores.ts";
import type { HeldTransaction } from "./held-transaction.ts";
import type { CommandRecord, EventRow, History, Stores, Violation } from "./history.ts";
import type { LogWatch } from "./log-watch.ts";
import type { Random } from "./random.ts";
import { runLoad } from "./workload.ts";

/** What lasts from round to round. */
export interface Run {
  readonly cluster: Cluster;
  readonly kafka: KafkaDump;
  readonly random: Random;
  readonly watch: LogWatch;
  /** Of all rounds: their events stay in the log. */
  readonly commands: CommandRecord[];
  readonly held: () => HeldTransaction;
  readonly clients: number;
}

export interface Disturbance {
  readonly name: string;
  readonly loadMs: number;
  /** Under load; ends soon after `stop` aborts, with every process started. */
  disturb(run: Run, random: Random, stop: AbortSignal): Promise<Kills>;
}

export interface RoundResult {
  readonly name: string;
  readonly report: Report;
  readonly kills: Kills;
  readonly violations: readonly Violation[];
  readonly history: History;
  readonly stores: Stores;
  readonly ms: number;
  readonly heldMs: number;
}

const customers = 8;
const giveUpAfterMs = 60_000;
const catchUpMs = 60_000;

/** `name` makes the keys of this round's commands its own. */
export async function runRound(run: Run, name: string, what: Disturbance): Promise<RoundResult> {
  const started = performance.now();
  const random = run.random.fork(name);
  const history: History = { commands: [], reads: [] };
  const calm = AbortSignal.timeout(Math.round(what.loadMs * 0.85));
  const stop = new AbortController();
  const giveUp = new AbortController();
  const load = runLoad({
    name,
    random,
    clients: run.clients,
    customers,
    targets: run.cluster.targets,
    history,
    stop: stop.signal,
    giveUp: giveUp.signal,
  });
  const kills = await what.disturb(run, random.fork("chaos"), calm);
  await run.cluster.start();
  await pause(what.loadMs - (performance.now() - started), giveUp.signal);
  stop.abort();
  const patience = setTimeout(() => giveUp.abort(), giveUpAfterMs);
  await load;
  clearTimeout(patience);
  const judge = clientOf({ name: `${name}-judge`, random, targets: run.cluster.targets, history, giveUp: giveUp.signal });
  for (const records of [history.commands, run.commands]) await repeatSome(judge, records, random);
  const late = await untilCaughtUp(run);
  const write = await dumpWriteStore(run.cluster.write);
  await readAtEnd(judge, write.events, history, random, write.logs);
  const stores: Stores = { ...write, ...(await dumpReadStore(run.cluster.read)), records: await run.kafka.records() };
  run.commands.push(...history.commands);
  const report = check({ commands: run.commands, reads: history.reads }, stores);
  const held = await run.held().check();
  return {
    name: what.name,
    report,
    kills,
    history,
    stores,
    ms: performance.now() - started,
    heldMs: held.openMs,
    violations: [
      ...report.violations,
      ...late,
      ...history.commands
        .filter((c) => c.answers.length === 0)
        .map((c): Violation => ({ kind: "answer", text: `${c.kind} ${c.key} was never answered in ${giveUpAfterMs} ms of calm` })),
      ...run.cluster.programs.flatMap((p) => p.surprises.splice(0).map((text): Violation => ({ kind: "process", text }))),
      ...run.watch.faults().map((text): Violation => ({ kind: "process", text })),
      ...(await deadlocks(run.cluster)).map((text): Violation => ({ kind: "deadlock", text })),
    ],
  };
}

/** An answer is kept: also for commands of earlier rounds, and in processes that were not there then. */
export async function repeatSome(client: Client, records: readonly CommandRecord[], random: Random): Promise<void> {
  const answered = records.filter((c) => c.answers.length > 0);
  for (let i = 0; i < 40 && answered.length > 0; i++) await client.repeat(random.pick(answered));
}

async function untilCaughtUp({ cluster }: Run): Promise<Violation[]> {
  const deadline = Date.now() + catchUpMs;
  for (;;) {
    const list = await behind(cluster);
    if (list.length === 0) return [];
    if (Date.now() > deadline) return list.map((text) => ({ kind: "catch-up", text: `${text} after ${catchUpMs} ms of calm` }));
    await wait(100);
  }
}

/** Reads a sample of the orders and all customers, with a token for the end of their partition: the answers must be their last states. */
export async function readAtEnd(
  client: Client,
  events: readonly EventRow[],
  history: History,
  random: Random,
  logs: Stores["logs"],
): Promise<void> {
  const last = new Map<string, EventRow>();
  for (const event of events) if ((last.get(event.stream)?.version ?? 0) < event.version) last.set(event.stream, event);
  const touched = new Set(
    history.commands.flatMap((c) => (c.answers[0]?.status === 202 ? Object.values(c.answers[0].body as Record<string, unknown>) : [])),
  );
  const streams = [...last.values()].filter((e) => touched.has(e.stream));
  const sample = streams.filter((e) => e.log === "customers" || random.chance(150 / streams.length));
  for (const { log, stream, version, partition, position } of sample) {
    const logId = logs.find((l) => l.log === log)!.logId;
    const kept: Kept = { token: formatToken([{ log, logId, partition, position }]), promised: { log: log as "orders", stream, version } };
    await client.read(log === "orders" ? "order" : "customer", `/${log}/${stream}`, [kept]);
  }
}
