/** The production form under every disturbance; after each round the history checker over everything. */
import { privateKafka, privatePostgres } from "../test/services.ts";
import type { Report } from "./checker.ts";
import { clusterOf } from "./cluster.ts";
import { brokerRestarts, kills, postgresRestarts, twoRelays, zombies } from "./disturbances.ts";
import { kafkaDump } from "./dump-kafka.ts";
import { explain } from "./explain.ts";
import { holdTransaction } from "./held-transaction.ts";
import { logWatch } from "./log-watch.ts";
import { olderState } from "./older-state.ts";
import type { Options } from "./options.ts";
import { lineOf, say, seconds, tell } from "./output.ts";
import { randomOf } from "./random.ts";
import type { Disturbance, Run } from "./round.ts";
import { runRound } from "./round.ts";

/** True where nothing was found. Stops at the first round with a violation. */
export async function production(options: Options): Promise<boolean> {
  const { seed, only, loadMs, clients, dir } = options;
  const started = performance.now();
  const [kafka, postgres] = await Promise.all([privateKafka(), privatePostgres()]);
  let holds = 0;
  let held = await holdTransaction(postgres, `held_${holds}`);
  /** A restarted server has ended the open transaction: another one takes its place. */
  const holdAgain = async () => {
    held = await holdTransaction(postgres, `held_${++holds}`);
  };
  const cluster = await clusterOf({ kafka, postgres, name: "regression", dir });
  const run: Run = {
    cluster,
    kafka: kafkaDump(kafka.brokers, cluster.prefix),
    random: randomOf(seed),
    watch: logWatch(cluster.programs),
    commands: [],
    held: () => held,
    clients,
  };
  await cluster.start();
  say(`${cluster.programs.map((p) => p.name).join(", ")} ready after ${seconds(performance.now() - started)}`);

  const plan: Disturbance[] = [
    ...(only.has("kills") ? Array.from({ length: options.rounds }, () => kills(loadMs)) : []),
    ...(only.has("zombies") ? [zombies(loadMs)] : []),
    ...(only.has("broker") ? [brokerRestarts(kafka, loadMs)] : []),
    ...(only.has("postgres") ? [postgresRestarts(postgres, holdAgain, loadMs)] : []),
    ...(only.has("relays") ? [twoRelays(loadMs)] : []),
    ...(only.has("older") && only.size === 1 ? [kills(3_000)] : []),
  ];
  const sums = { command: 0, projection: 0, query: 0, freeze: 0, reads: 0, refused: 0, violations: 0 };
  let last: Report | null = null;
  for (const [i, what] of plan.entries()) {
    const result = await runRound(run, `s${seed}r${i + 1}`, what);
    for (const kind of ["command", "projection", "query", "freeze"] as const) sums[kind] += result.kills[kind];
    sums.reads += result.report.reads;
    sums.refused += result.report.readsRefused;
    sums.violations += result.violations.length;
    say(lineOf(i + 1, result, last));
    last = result.report;
    tell(result.violations, (violation) => explain(violation, run.commands, result.stores));
    if (sums.violations > 0) break;
  }
  if (only.has("older") && sums.violations === 0) {
    const began = performance.now();
    const { violations, removed, accepted } = await olderState(run);
    sums.violations += violations.length;
    say(
      `older state · ${removed} events taken out of the write store, ${accepted} commands accepted after it · ${violations.length} violations · ${seconds(performance.now() - began)}`,
    );
    tell(violations, (violation) => `  ${violation.kind}: ${violation.text}`);
  }

  await cluster.stop();
  await held.close();
  await Promise.all([kafka.stop(), postgres.stop()]);
  const killed = `command+relay ${sums.command}, projection ${sums.projection}, query ${sums.query}, frozen ${sums.freeze}`;
  const counts = `${last?.commands ?? 0} commands, ${last?.accepted ?? 0} accepted, ${last?.events ?? 0} events · kills: ${killed} · ${last?.repeated ?? 0} duplicates skipped · ${sums.reads} reads checked, ${sums.refused} refused as late`;
  say(
    `${sums.violations > 0 ? "FAILED" : "passed"}: ${plan.length} rounds · ${counts} · ${sums.violations} violations · ${seconds(performance.now() - started)} · seed ${seed}`,
  );
  return sums.violations === 0;
}
