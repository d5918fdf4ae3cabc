/** Kills and freezes processes at random and starts them again, until told to stop. */
import { setTimeout as wait } from "node:timers/promises";
import type { Cluster } from "./cluster.ts";
import type { Program } from "./program.ts";
import type { Random } from "./random.ts";

export type Kills = Record<"command" | "projection" | "query" | "freeze", number>;

export interface ChaosOptions {
  readonly cluster: Cluster;
  readonly random: Random;
  readonly stop: AbortSignal;
}

/** With more than this many processes away at a time nothing would be left to disturb. */
const awayAtMost = 2;

/**
 * Every kind of process is hit in turn, in random order, and killed at least once; which one of its kind, when and for how long is chance (one that is just starting, too).
 * Leaves every process started and thawed.
 */
export async function killAtRandom({ cluster, random, stop }: ChaosOptions): Promise<Kills> {
  const kills: Kills = { command: 0, projection: 0, query: 0, freeze: 0 };
  const away = new Set<Promise<void>>();
  const kinds = { command: cluster.commands, projection: cluster.projections, query: cluster.queries } as const;
  let turn: (keyof typeof kinds)[] = [];
  const missed = () => kills.command === 0 || kills.projection === 0 || kills.query === 0;
  while (!stop.aborted || missed()) {
    await pause(100 + random.below(900), stop);
    if (away.size >= awayAtMost) await Promise.race(away);
    if (stop.aborted && !missed()) break;
    if (turn.length === 0) turn = shuffled(Object.keys(kinds) as (keyof typeof kinds)[], random);
    const kind = turn.pop()!;
    const victim = random.pick(kinds[kind]);
    if (!victim.running) continue;
    const freezing = random.chance(0.2);
    const done = freezing ? freeze(victim, 500 + random.below(2_500), stop) : killAndStart(victim, random.below(700));
    kills[freezing ? "freeze" : kind]++;
    const back = done.finally(() => away.delete(back));
    away.add(back);
  }
  await Promise.all(away);
  return kills;
}

async function freeze(victim: Program, forMs: number, stop: AbortSignal): Promise<void> {
  victim.freeze();
  await pause(forMs, stop);
  victim.thaw();
}

async function killAndStart(victim: Program, downMs: number): Promise<void> {
  await victim.kill();
  await wait(downMs);
  if (victim.running) return;
  victim.start();
  try {
    await victim.ready();
  } catch (error) {
    // told with the round's violations
    victim.surprises.push(String(error));
  }
}

/** Ends early, without an error, when `stop` aborts. */
export async function pause(ms: number, stop: AbortSignal): Promise<void> {
  if (stop.aborted || ms <= 0) return;
  await new Promise<void>((resolve) => {
    const end = () => {
      clearTimeout(timer);
      stop.removeEventListener("abort", end);
      resolve();
    };
    const timer = setTimeout(end, ms);
    stop.addEventListener("abort", end);
  });
}

function shuffled<T>(list: readonly T[], random: Random): T[] {
  return list
    .map((item) => [random.next(), item] as const)
    .toSorted(([a], [b]) => a - b)
    .map(([, item]) => item);
}
