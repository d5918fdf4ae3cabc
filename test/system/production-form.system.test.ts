import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { setTimeout as wait } from "node:timers/promises";
import type { Cluster } from "../../regression/cluster.ts";
import { clusterOf, refusal } from "../../regression/cluster.ts";
import { kafkaDump } from "../../regression/dump-kafka.ts";
import { send } from "../../regression/http.ts";
import type { Program } from "../../regression/program.ts";
import { kafka, postgres, uniqueName } from "../services.ts";

/** 6 partitions of orders and 6 of customers. */
const consumed = 12;

/** How many partitions this process feeds order_summaries from, as /readyz tells it. */
async function fed(program: Program): Promise<number> {
  const { body } = await send({ method: "GET", url: `${program.url}/readyz` });
  const checks = (body as { checks?: { name: string; message: string }[] } | null)?.checks ?? [];
  return Number(/feeds (\d+) partition/.exec(checks.find((c) => c.name === "view 'order_summaries'")?.message ?? "")?.[1] ?? 0);
}

/** Takeover is a matter of the consumer group's session timeout; asked for until it is so. */
async function untilFed(condition: (fed: number[]) => boolean, programs: readonly Program[]): Promise<number[]> {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const counts = await Promise.all(programs.map(fed));
    if (condition(counts)) return counts;
    assert.ok(Date.now() < deadline, `the processes feed ${counts.join(" and ")} partitions`);
    await wait(100);
  }
}

const shared = (counts: readonly number[]) => counts.every((n) => n > 0) && counts.reduce((sum, n) => sum + n, 0) === consumed;

describe("the production form", () => {
  const dir = mkdtempSync(join(tmpdir(), "tidemark-system-"));
  let cluster: Cluster;
  let written = 0;

  before(async () => {
    cluster = await clusterOf({
      kafka: await kafka(),
      postgres: await postgres(),
      name: `form_${uniqueName().slice(-10)}`,
      dir,
      commands: 1,
      projections: 2,
      queries: 1,
    });
    await cluster.start();
  });
  after(async () => {
    await cluster?.stop();
    rmSync(dir, { recursive: true, force: true });
  });

  /** Writes orders over all partitions and reads each with its token. */
  async function writeAndRead(orders: number): Promise<void> {
    await Promise.all(
      Array.from({ length: orders }, async () => {
        const orderId = `o-${++written}`;
        const body = { orderId, customerId: "c-1", items: [{ productId: "p-1", name: "Tea", quantity: 2, unitPrice: "6.25" }] };
        const created = await send({ method: "POST", url: `${cluster.commands[0]!.url}/orders`, body, timeoutMs: 40_000 });
        assert.equal(created.status, 202, created.problem ?? JSON.stringify(created.body));
        const read = await send({
          method: "GET",
          url: `${cluster.queries[0]!.url}/orders/${orderId}`,
          headers: { "consistency-token": created.token!, "prefer": "wait=30" },
          timeoutMs: 40_000,
        });
        assert.equal(read.status, 200, read.problem ?? JSON.stringify(read.body));
      }),
    );
  }

  test("neither database user can connect to the other's database", async () => {
    const [write, read] = [cluster.writer, cluster.reader];
    assert.equal(await refusal(write.url, read.database), "42501");
    assert.equal(await refusal(read.url, write.database), "42501");
    assert.equal(await refusal(write.url, write.database), null);
  });

  test("what one process writes another one reads, through all 6 partitions of Kafka", async () => {
    await writeAndRead(60);
    const records = await kafkaDump(cluster.brokers, cluster.prefix).records();
    assert.deepEqual(
      [...new Set(records.filter((r) => r.log === "orders").map((r) => r.partition))].toSorted((a, b) => a - b),
      [0, 1, 2, 3, 4, 5],
    );
  });

  test("a process serves the routes of its roles only", async () => {
    const get = (program: Program) => send({ method: "GET", url: `${program.url}/orders` });
    const post = (program: Program) => send({ method: "POST", url: `${program.url}/orders`, body: { customerId: "c-1", items: [] } });
    assert.deepEqual([(await get(cluster.queries[0]!)).status, (await post(cluster.commands[0]!)).status], [200, 422]);
    for (const reply of [
      await get(cluster.commands[0]!),
      await post(cluster.queries[0]!),
      await get(cluster.projections[0]!),
      await post(cluster.projections[0]!),
    ]) {
      assert.ok(reply.status === 404 || reply.status === 405, `status ${reply.status}`);
    }
  });

  test("two projection processes share the partitions, and each takes over from the other when it is killed", async () => {
    const [first, second] = cluster.projections as [Program, Program];
    await untilFed(shared, [first, second]);
    for (const [victim, heir] of [
      [first, second],
      [second, first],
    ] as const) {
      await victim.kill();
      await Promise.all([writeAndRead(30), untilFed(([n]) => n === consumed, [heir])]);
      victim.start();
      await victim.ready();
      await untilFed(shared, [first, second]);
      await writeAndRead(30);
    }
    assert.deepEqual(
      cluster.programs.flatMap((p) => p.surprises),
      [],
    );
  });

  test("every process stops cleanly when it is told to", async () => {
    for (const program of cluster.programs) assert.deepEqual(await program.stop("SIGTERM"), { code: 0, signal: null }, program.name);
  });
});
