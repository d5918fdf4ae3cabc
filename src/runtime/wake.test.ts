import assert from "node:assert/strict";
import { test } from "node:test";
import { pause, wake } from "./wake.ts";

test("a signal between the ticket and the wait is not lost", async () => {
  const bell = wake();
  const ticket = bell.ticket();
  bell.signal();
  assert.equal(await bell.after(ticket, {}), "woken");
  assert.equal(await bell.after(bell.ticket(), { maxWaitMs: 1 }), "timeout", "an old signal wakes nobody");
});

test("all sleepers are woken, once each", async () => {
  const bell = wake();
  const ticket = bell.ticket();
  const sleepers = [bell.after(ticket, {}), bell.after(ticket, { maxWaitMs: 60_000 })];
  bell.signal();
  assert.deepEqual(await Promise.all(sleepers), ["woken", "woken"]);
});

test("an abort ends the wait, also one that came before it", async () => {
  const bell = wake();
  const stop = new AbortController();
  const sleeping = bell.after(bell.ticket(), { signal: stop.signal });
  stop.abort();
  assert.equal(await sleeping, "aborted");
  assert.equal(await bell.after(bell.ticket(), { signal: stop.signal }), "aborted");
});

test("a pause ends early when aborted", async () => {
  const stop = new AbortController();
  const began = performance.now();
  const pausing = pause(60_000, stop.signal);
  stop.abort();
  await pausing;
  await pause(60_000, stop.signal);
  assert.ok(performance.now() - began < 10_000);
});
