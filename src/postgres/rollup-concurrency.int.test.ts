/** Workers of several partitions, zombies and broken connections over one rollup; afterwards every group is what a plain recomputation gives, and there was no deadlock. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { breakingProxy } from "../../test/breaking-proxy.ts";
import { type Counts, worker, zombie } from "../../test/racing-workers.ts";
import { allRollups, assertGroups } from "../../test/rollup-domain.ts";
import { postgres } from "../../test/services.ts";
import { type Logs, random, randomLogs } from "../../test/view-domain.ts";
import { openStore } from "../../test/view-stores.ts";
import type { AnyView } from "../core/definition.ts";

const partitions = 3;
const firstSeed = Number(process.env["TIDEMARK_TEST_SEED"] ?? 1);
const rounds = Number(process.env["TIDEMARK_TEST_ROUNDS"] ?? 4);

test("random workers, zombies and broken connections: no wrong group, no deadlock", { timeout: 120_000 }, async (t) => {
  const server = await (await postgres()).createDatabase();
  const url = new URL(server.url);
  const direct = openStore(server.url);
  const counts: Counts = { applied: 0, moved: 0, unavailable: 0, deadlocks: 0 };
  let broken = 0;
  let events = 0;
  try {
    // a deadlock costs this long; without it each would cost a second
    await direct.database.query({ text: `alter database "${server.name}" set deadlock_timeout = '30ms'` });
    await direct.store.migrate({ ddl: true });
    for (let seed = firstSeed; seed < firstSeed + rounds; seed++) {
      const r = random(seed);
      const proxy = await breakingProxy({ host: url.hostname, port: Number(url.port) }, r.next);
      const through = new URL(server.url);
      through.host = `127.0.0.1:${proxy.port}`;
      const stores = [openStore(through.href), openStore(through.href)];
      try {
        const logs = randomLogs(r, {
          partitions,
          orders: seed % 2 === 0 ? 150 : 12,
          customers: seed % 4 < 2 ? 6 : 60,
          orderEvents: 900,
          customerEvents: 1,
        });
        const generations = new Map<AnyView, number>();
        for (const view of allRollups) {
          await direct.store.ensure(view);
          const { generation } = await direct.store.create(view);
          await direct.store.projection(view, generation).checkpoints(new Map(view.logs.map((log) => [log, partitions])));
          generations.set(view, generation);
        }
        proxy.set({ breaking: 0.02, late: 0.1 });
        const running = { work: true };
        const most = seed % 4 < 2 ? 6 : 40;
        const zombies = [0, 1, 2].map((i) => zombie(stores[i % 2]!.store, generations, logs, random(seed * 100 + i), counts, running));
        const workers = [...generations].flatMap(([view, generation]) =>
          view.logs.flatMap((log) =>
            logs[log as keyof Logs].map((partition, p) =>
              worker(stores[p % 2]!.store, view, generation, log, p, partition, most, random(seed * 1_000 + p), counts),
            ),
          ),
        );
        const ended = await Promise.allSettled(workers);
        running.work = false;
        const endedZombies = await Promise.allSettled(zombies);
        for (const one of [...ended, ...endedZombies]) if (one.status === "rejected") throw one.reason;
        proxy.set({ breaking: 0, late: 0 });
        for (const [view, generation] of generations) {
          await assertGroups(direct.store, view, generation, logs.orders.flat());
        }
        events += [...generations.keys()].reduce(
          (sum, view) => sum + view.logs.reduce((n, log) => n + logs[log as keyof Logs].flat().length, 0),
          0,
        );
        broken += proxy.broken;
      } finally {
        for (const one of stores) await one[Symbol.asyncDispose]();
        await proxy.close();
      }
    }
    assert.ok(broken > 0 && counts.moved > 0, "the test met zombies and broken connections");
    const { rows } = await direct.database.query<{ deadlocks: number }>({
      text: "select pg_stat_clear_snapshot(), deadlocks from pg_stat_database where datname = current_database()",
    });
    assert.deepEqual([counts.deadlocks, rows[0]!.deadlocks], [0, 0], "deadlocks");
    t.diagnostic(`${rounds} rounds, ${events} events, ${JSON.stringify(counts)}, ${broken} broken connections`);
  } finally {
    await direct[Symbol.asyncDispose]();
    await server.drop();
  }
});
