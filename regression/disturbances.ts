/** What is done to the cluster under load, by name. */
import { setTimeout as wait } from "node:timers/promises";
import type { TestKafka, TestPostgres } from "../test/services.ts";
import type { Kills } from "./chaos.ts";
import { killAtRandom, pause } from "./chaos.ts";
import type { Disturbance, Run } from "./round.ts";

const none: Kills = { command: 0, projection: 0, query: 0, freeze: 0 };

export const kills = (loadMs: number): Disturbance => ({
  name: "kills",
  loadMs,
  disturb: ({ cluster }, random, stop) => killAtRandom({ cluster, random, stop }),
});

/** Once killed, once stopped in order. */
export const brokerRestarts = (kafka: TestKafka, loadMs: number): Disturbance => ({
  name: "broker",
  loadMs,
  async disturb(_run, _random, stop) {
    await pause(1_500, stop);
    await kafka.kill();
    await wait(2_000);
    await kafka.start();
    await pause(2_000, stop);
    await kafka.stop();
    await wait(500);
    await kafka.start();
    return none;
  },
});

/** Both databases go: once by kill -9 of the server, once in order. `restored`: called after each start. */
export const postgresRestarts = (postgres: TestPostgres, restored: () => Promise<void>, loadMs: number): Disturbance => ({
  name: "postgres",
  loadMs,
  async disturb(_run, _random, stop) {
    await pause(1_500, stop);
    await postgres.kill();
    await wait(1_500);
    await postgres.start();
    await restored();
    await pause(2_500, stop);
    await postgres.stop();
    await wait(500);
    await postgres.start();
    await restored();
    return none;
  },
});

/** Longer than the consumer group waits for a member, so others take over; then the frozen ones wake up with what they had in hand. */
const zombieMs = 13_000;

/** A projection and a command+relay process stand still until others have taken over, and go on as zombies. */
export const zombies = (loadMs: number): Disturbance => ({
  name: "zombies",
  loadMs: Math.max(loadMs, zombieMs + 4_000),
  async disturb({ cluster }, random, _stop) {
    await wait(1_000);
    const frozen = [random.pick(cluster.projections), random.pick(cluster.commands)];
    for (const victim of frozen) victim.freeze();
    await wait(zombieMs);
    for (const victim of frozen) victim.thaw();
    return { ...none, freeze: frozen.length };
  },
});

/** Every relay serves every partition at the same time, and they are killed beside that. */
export const twoRelays = (loadMs: number): Disturbance => ({
  name: "two relays",
  loadMs,
  async disturb(run, random, stop) {
    await restartCommands(run, { TIDEMARK_RELAY_OWNERSHIP: "off" });
    const counts: Kills = { ...none };
    while (!stop.aborted) {
      await pause(1_200 + random.below(1_200), stop);
      if (stop.aborted) break;
      const victim = random.pick(run.cluster.commands);
      await victim.kill();
      victim.start({ TIDEMARK_RELAY_OWNERSHIP: "off" });
      counts.command++;
    }
    await restartCommands(run, {});
    return counts;
  },
});

async function restartCommands({ cluster }: Run, env: Readonly<Record<string, string>>): Promise<void> {
  for (const program of cluster.commands) {
    await program.kill();
    program.start(env);
    await program.ready();
  }
}
