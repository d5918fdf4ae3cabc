import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { partitions, worldToLoad } from "../../test/bulk-load-process.ts";
import { orderSummaries } from "../../test/view-domain.ts";
import { assertFold, postgresStore } from "../../test/view-stores.ts";

const program = new URL("../../test/bulk-load-process.ts", import.meta.url).pathname;

test("a bulk load whose process is killed again and again goes on from what it stored, and ends right", async () => {
  await using under = await postgresStore();
  await under.store.ensure(orderSummaries);
  const { generation } = await under.store.create(orderSummaries);
  const projection = under.store.projection(orderSummaries, generation);
  const sizes = new Map(orderSummaries.logs.map((log) => [log, partitions]));
  await projection.checkpoints(sizes);
  const events = (await worldToLoad()).events();
  const ends = Array.from({ length: partitions }, (_, p) => events.filter(({ partition }) => partition === p).length);
  const positions = async () => (await projection.checkpoints(sizes)).filter((c) => c.log === "orders").map((c) => c.position);
  const run = (killAfter: number) => {
    const child = spawn(process.execPath, ["--conditions=source", program, under.server!.url, String(generation)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    let said = 0;
    createInterface({ input: child.stdout }).on("line", () => {
      said += 1;
      if (said === killAfter) child.kill("SIGKILL");
    });
    return once(child, "exit");
  };
  let before = await positions();
  for (const killAfter of [1, 4, 9]) {
    assert.deepEqual(await run(killAfter), [null, "SIGKILL"]);
    const now = await positions();
    assert.ok(now.some((position, p) => position > before[p]!) && now.every((position, p) => position >= before[p]!));
    assert.ok(
      now.some((position, p) => position < ends[p]!),
      "it was killed in the middle",
    );
    await assertFold(
      under.store,
      orderSummaries,
      generation,
      events.filter(({ partition, position }) => position <= now[partition]!),
    );
    before = now;
  }
  assert.deepEqual(await run(Number.POSITIVE_INFINITY), [0, null]);
  assert.deepEqual(await positions(), ends);
  await assertFold(under.store, orderSummaries, generation, events);
});
