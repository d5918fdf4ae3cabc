/** What a store tells of itself: failures, ends, how far it is, and the wake-ups that reach every process. */
import assert from "node:assert/strict";
import { view } from "../../core/view.ts";
import type { CheckpointMoved } from "../../runtime/ports.ts";
import { orders, orderTotals } from "./domain.ts";
import { applyNext, feedLive, feedNew } from "./feed.ts";
import { logWriter } from "./logs.ts";
import { fields, whole } from "./schemas.ts";
import { type Group, group } from "./suite.ts";
import type { Suite } from "./world.ts";

export function statusCases(suite: Suite): void {
  group(suite, "status", [], {
    "a failure is written down and cleared by the next batch": failures,
    "ends, their age, and since when a generation is caught up": ends,
    "checkpoints and generations wake every process": wakes,
  });
}

async function failures({ main }: Group): Promise<void> {
  const projection = await feedNew(main, orderTotals, 2);
  const failure = { log: "orders", partition: 0, position: 1, problem: "it's broken: \u2028 é", at: "2026-01-01T00:00:00.000Z" };
  const told = async () =>
    (await main.status([orderTotals]))[0]!.generations.find(({ generation }) => generation === projection.generation)!.failures;
  await projection.recordFailure("orders", 0, failure);
  assert.deepEqual(await told(), [failure]);
  await projection.recordFailure("orders", 0, null);
  assert.deepEqual(await told(), []);
  await projection.recordFailure("orders", 0, failure);
  const events = [logWriter("orders", 1).add("a", "Noted", {})];
  assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 1), "applied");
  assert.deepEqual(await told(), []);
}

async function ends({ main }: Group): Promise<void> {
  const projection = await feedNew(main, orderTotals, 2);
  const status = async () => (await main.status([orderTotals]))[0]!;
  const known = [0, 1].map((partition) => ({ log: "orders", partition, position: partition === 0 ? 1 : 0 }));
  await main.recordEnds(known, [orderTotals]);
  assert.equal((await status()).caughtUpAgoMs.has(projection.generation), false);
  const events = [logWriter("orders", 1).add("a", "Noted", {})];
  assert.equal(await applyNext(projection, await projection.checkpoint("orders", 0), events, 1), "applied");
  // an end never goes back
  await main.recordEnds([{ log: "orders", partition: 0, position: 0 }, known[1]!], [orderTotals]);
  const now = await status();
  assert.deepEqual(
    now.ends.map(({ log, partition, position }) => ({ log, partition, position })),
    known,
  );
  for (const { ageMs } of now.ends) assert.ok(Number.isFinite(ageMs) && ageMs >= 0);
  const ago = now.caughtUpAgoMs.get(projection.generation);
  assert.ok(ago !== undefined && ago >= 0);
  const own = now.generations.find(({ generation }) => generation === projection.generation)!;
  assert.deepEqual(
    own.checkpoints.map(({ partition, position, logId }) => [partition, position, logId]),
    [
      [0, 1, "id of orders"],
      [1, 0, null],
    ],
  );
}

const woken = view(
  "woken",
  { document: fields<{ count: number }>({ count: whole }), from: [orders] },
  { create: { Created: () => ({ count: 0 }) }, on: {} },
);

async function wakes({ main, process }: Group): Promise<void> {
  const other = await process();
  const made: Promise<void>[] = [];
  const moved: Promise<CheckpointMoved>[] = [];
  const stops: (() => unknown)[] = [];
  for (const store of [main, other]) {
    const [generation, checkpoint] = [Promise.withResolvers<void>(), Promise.withResolvers<CheckpointMoved>()];
    stops.push(await store.onGenerations(() => generation.resolve()));
    stops.push(
      await store.onCheckpoint((one) => {
        if (one?.view === woken.name) checkpoint.resolve(one);
      }),
    );
    made.push(generation.promise);
    moved.push(checkpoint.promise);
  }
  const projection = await feedLive(main, woken, 1);
  await Promise.all(made);
  // as who answers queries does, told of a generation
  for (const store of [main, other]) await store.status([woken]);
  const log = logWriter("orders", 1);
  const events = [log.add("a", "Created", { customerId: null }), log.add("b", "Created", { customerId: null })];
  await applyNext(projection, await projection.checkpoint("orders", 0), events, 2);
  for (const one of await Promise.all(moved)) {
    assert.deepEqual(one, { view: "woken", generation: 1, log: "orders", partition: 0, position: 2 });
    // who is woken finds it
    assert.notEqual((await other.get(woken, 1, ["b"]))[0], undefined);
  }
  for (const stop of stops) await stop();
}
