/** The engine itself is killed while workers write: what it acknowledged is there afterwards, once. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { openSearchClient, searchUnderTest } from "../../test/search-engines.ts";
import { privateSearch } from "../../test/services.ts";
import { allViews, eventsOf, type Logs, random, randomLogs } from "../../test/view-domain.ts";
import { applyNext, assertFold } from "../../test/view-stores.ts";
import { isTidemarkError } from "../errors.ts";

const partitions = 2;

test("kill -9 of the server between and within batches: nothing is lost, nothing is there twice", async () => {
  const server = await privateSearch("opensearch");
  const client = openSearchClient(server.url);
  await using world = searchUnderTest(client, server.url, "killed-", {}, async () => {
    await client.close();
    await server.stop();
  });
  const { store } = world.open();
  await store.migrate({ ddl: true });
  const logs = randomLogs(random(21), { partitions, orders: 10, customers: 8, orderEvents: 150, customerEvents: 80 });
  const views = allViews.slice(0, 2);
  for (const view of views) {
    await store.ensure(view);
    await store.projection(view, 1).checkpoints(new Map(view.logs.map((log) => [log, partitions])));
  }
  let applied = 0;
  let failed = 0;
  let killed: Promise<void> | undefined;
  const killOnce = () => {
    killed ??= server.kill().then(() => server.start());
  };
  await Promise.all(
    views.flatMap((view) =>
      view.logs.flatMap((log) =>
        Array.from({ length: partitions }, async (_, partition) => {
          const projection = world.open().store.projection(view, 1);
          for (;;) {
            try {
              const from = await projection.checkpoint(log, partition);
              if ((await applyNext(projection, from, logs[log as keyof Logs][partition]!, 10)) === "end") return;
              // in the middle of what the others are writing
              if (++applied === 8) killOnce();
            } catch (error) {
              if (!isTidemarkError(error, "UNAVAILABLE") || killed === undefined) throw error;
              failed += 1;
              await killed;
            }
          }
        }),
      ),
    ),
  );
  await killed;
  assert.ok(killed !== undefined && failed > 0, "the kill met nobody");
  for (const view of views) await assertFold(store, view, 1, view.logs.includes("customers") ? eventsOf(logs) : logs.orders.flat());
});
