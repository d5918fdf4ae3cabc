/** A ClickHouse server that is killed again and again while batches are applied: what it acknowledged is there, and the view ends as a fold. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { ClickHouseLogLevel, createClient } from "@clickhouse/client";
import { assertGroups, byCustomer } from "../../test/rollup-domain.ts";
import { privateClickhouse } from "../../test/services.ts";
import { orderTotals, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold, feedLive } from "../../test/view-stores.ts";
import { isTidemarkError } from "../errors.ts";
import { memoryViewCatalog, readDatabase } from "../memory/index.ts";
import { documentViewStore } from "../runtime/document-view-store.ts";
import { clickhouseDocumentStore } from "./index.ts";

const kills = 3;

test("a server that is killed under load loses nothing that it acknowledged", async () => {
  const server = await privateClickhouse();
  const { name: database } = await server.createDatabase();
  const client = createClient({ url: server.url, log: { level: ClickHouseLogLevel.OFF } });
  const store = documentViewStore(
    memoryViewCatalog(readDatabase(), "clickhouse"),
    clickhouseDocumentStore(client, { prefix: "", database }),
  );
  const logs = randomLogs(random(3), { partitions: 2, orders: 20, customers: 6, orderEvents: 800, customerEvents: 1 });
  const views = [orderTotals, byCustomer];
  const projections = await Promise.all(views.map((each) => feedLive(store, each, 2)));
  const total = views.length * logs.orders.flat().length;

  let applied = 0;
  let failures = 0;
  let killed = 0;
  let running: Promise<void> = Promise.resolve();
  const killNow = async (): Promise<void> => {
    await server.kill();
    await server.start();
  };
  const work = async (projection: (typeof projections)[number], partition: number): Promise<void> => {
    const r = random(partition + 1);
    for (;;) {
      const from = await projection.checkpoint("orders", partition);
      const most = 1 + r.below(25);
      try {
        const outcome = await applyNext(projection, from, logs.orders[partition]!, most);
        if (outcome === "end") return;
        if (outcome === "applied") applied += most;
      } catch (error) {
        if (!isTidemarkError(error, "UNAVAILABLE")) throw error;
        failures += 1;
        await running;
      }
      // while the others are in the middle of theirs
      if (killed < kills && applied > ((killed + 1) * total) / (kills + 2)) {
        killed += 1;
        running = killNow();
      }
    }
  };
  try {
    await Promise.all(projections.flatMap((projection) => [0, 1].map((partition) => work(projection, partition))));
    await running;
    assert.equal(killed, kills);
    assert.ok(failures > 0, "some batch met a dead server");
    await assertFold(store, orderTotals, 1, logs.orders.flat());
    await assertGroups(store, byCustomer, 1, logs.orders.flat());
  } finally {
    await running;
    await store.close();
    await client.close();
    await server.kill();
  }
});
