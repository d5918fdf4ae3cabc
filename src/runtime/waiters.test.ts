import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { waiters } from "./waiters.ts";

const idle = () => Promise.resolve();
const later = () => Date.now() + 60_000;

test("what holds already is not waited for, and not looked for", async () => {
  const all = waiters(0);
  assert.equal(
    await all.until(
      () => true,
      () => Promise.reject(new Error("no look")),
      later(),
    ),
    true,
  );
});

test("looks after registering, so a change between the first check and the registration is found", async () => {
  const all = waiters(1);
  let holds = false;
  const look = () => {
    holds = true;
    return Promise.resolve();
  };
  assert.equal(await all.until(() => holds, look, later()), true);
  assert.equal(all.fallbackWakes, 0);
});

test("each wake lets everybody check again; only those whose condition holds go", async () => {
  const all = waiters(10);
  const held = new Set<number>();
  const gone: number[] = [];
  const waiting = [1, 2].map((n) => all.until(() => held.has(n), idle, later()).then(() => gone.push(n)));
  held.add(2);
  all.wake();
  await waiting[1];
  assert.deepEqual(gone, [2]);
  assert.equal(all.waiting, 1);
  held.add(1);
  all.wake();
  await waiting[0];
  assert.equal(all.waiting, 0);
});

test("the fallback looks once for all who share a look, counts whom it alone woke, and rests when nobody waits", async () => {
  const all = waiters(10);
  let looks = 0;
  let holds = false;
  const look = () => {
    looks += 1;
    // the two first looks and the fallback's
    if (looks === 3) holds = true;
    return Promise.resolve();
  };
  assert.deepEqual(await Promise.all([all.until(() => holds, look, later()), all.until(() => holds, look, later())]), [true, true]);
  assert.equal(looks, 3);
  assert.equal(all.fallbackWakes, 2);
});

test("a fallback look that fails is no answer; the next one is", async () => {
  const all = waiters(1);
  let looks = 0;
  const look = () => {
    looks += 1;
    return looks === 2 ? Promise.reject(new Error("down")) : Promise.resolve();
  };
  assert.equal(await all.until(() => looks === 3, look, later()), true);
});

test("the deadline looks once more, then says no", async () => {
  const all = waiters(1);
  let looks = 0;
  assert.equal(
    await all.until(
      () => false,
      () => Promise.resolve(void (looks += 1)),
      Date.now() + 20,
    ),
    false,
  );
  assert.equal(looks, 2);
  assert.equal(all.waiting, 0);
  assert.equal(
    await all.until(
      () => looks === 4,
      () => Promise.resolve(void (looks += 1)),
      Date.now() - 1_000,
    ),
    true,
    "a deadline that is over looks too",
  );
});

test("a check or a first look that throws fails its own waiter", async () => {
  const all = waiters(2);
  let broken = false;
  const failing = all.until(
    () => {
      if (broken) throw new Error("another log");
      return false;
    },
    idle,
    later(),
  );
  const other = all.until(() => broken, idle, later());
  broken = true;
  all.wake();
  await assert.rejects(failing, /another log/);
  assert.equal(await other, true);
  await assert.rejects(
    all.until(
      () => false,
      () => Promise.reject(new Error("down")),
      later(),
    ),
    /down/,
  );
  assert.equal(all.waiting, 0);
});

test("is bounded, and closed by name", async () => {
  const all = waiters(1);
  const first = all.until(() => false, idle, later());
  await assert.rejects(
    all.until(() => false, idle, later()),
    (error: unknown) => isTidemarkError(error, "OVERLOADED") && error.details.limit === 1,
  );
  const ended = assert.rejects(first, (error: unknown) => isTidemarkError(error, "CLOSED"));
  all.close();
  await ended;
  await assert.rejects(
    all.until(() => false, idle, later()),
    (error: unknown) => isTidemarkError(error, "CLOSED"),
  );
  assert.equal(await all.until(() => true, idle, later()), true, "what is covered needs no wait");
});
