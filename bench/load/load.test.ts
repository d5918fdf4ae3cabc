import assert from "node:assert/strict";
import { test } from "node:test";
import { closedLoop } from "./closed-loop.ts";
import { openLoop } from "./open-loop.ts";
import { type OrderCommand, orderLives } from "./order-commands.ts";

test("a closed loop counts every call of every caller, however they overlap", async () => {
  let calls = 0;
  let underWay = 0;
  let most = 0;
  const result = await closedLoop(8, 0.05, async () => {
    most = Math.max(most, ++underWay);
    await new Promise(setImmediate);
    underWay -= 1;
    calls += 1;
    return 1;
  });
  assert.equal(result.calls, calls);
  assert.equal(result.latenciesMs.length, calls);
  assert.equal(most, 8);
});

test("an open loop does not wait for answers, and waits for all of them at its end", async () => {
  const five = Promise.withResolvers<void>();
  let begun = 0;
  let ended = 0;
  const result = await openLoop(2_000, 0.05, async () => {
    begun += 1;
    // none is answered before the fifth has come
    if (begun === 5) five.resolve();
    await five.promise;
    ended += 1;
  });
  assert.ok(begun >= 5);
  assert.equal(ended, begun);
  assert.equal(result.calls, begun);
  assert.equal(result.latenciesMs.length, begun);
});

test("each caller goes through whole orders of its own, in order", async () => {
  const made: OrderCommand[] = [];
  const call = orderLives(async (command) => void made.push(command));
  for (let i = 0; i < 10; i += 1) for (const caller of [0, 1]) await call(caller);
  const byStream = Map.groupBy(made, ({ stream }) => stream);
  assert.equal(byStream.size, 4);
  for (const commands of byStream.values())
    assert.deepEqual(
      commands.map(({ type }) => type),
      ["CreateOrder", "AddItem", "AddItem", "SubmitOrder", "PayOrder"],
    );
});
