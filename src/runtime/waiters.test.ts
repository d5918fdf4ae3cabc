import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { type Reached, waiters } from "./waiters.ts";

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

test("a move is for those whose position it reached, and for those who did not say what they wait for", async () => {
  const all = waiters(10);
  const checked: string[] = [];
  let holds = false;
  const wait = (name: string, ...waitsFor: [key: string, position: number][]) =>
    all.until(
      () => {
        checked.push(name);
        return holds;
      },
      idle,
      later(),
      ...(waitsFor.length === 0 ? [] : [() => waitsFor.map(([key, position]) => ({ key, position }))]),
    );
  const waiting = [wait("a5", ["a", 5]), wait("a6", ["a", 6]), wait("b5", ["b", 5]), wait("a9 b5", ["a", 9], ["b", 5]), wait("any")];
  // each looks once when it comes
  await Promise.resolve();
  await Promise.resolve();
  const checkedBy = (moved?: Reached) => {
    checked.length = 0;
    all.wake(moved);
    return checked.toSorted();
  };
  assert.deepEqual(checkedBy({ key: "a", position: 5 }), ["a5", "any"]);
  assert.deepEqual(checkedBy({ key: "a", position: 9 }), ["a5", "a6", "a9 b5", "any"]);
  assert.deepEqual(checkedBy({ key: "b", position: 7 }), ["a9 b5", "any", "b5"]);
  assert.deepEqual(checkedBy({ key: "c", position: 99 }), ["any"]);
  assert.equal(checkedBy().length, 5);
  holds = true;
  all.wake({ key: "a", position: 9 });
  assert.equal(all.waiting, 1);
  all.wake({ key: "b", position: 5 });
  assert.deepEqual(await Promise.all(waiting), [true, true, true, true, true]);
  assert.deepEqual(checkedBy(), []);
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

test("who is woken before its first look needs none", async () => {
  const all = waiters(1);
  let holds = false;
  let looks = 0;
  const look = () => Promise.resolve(void (looks += 1));
  const waiting = all.until(() => holds, look, later());
  holds = true;
  all.wake();
  assert.equal(await waiting, true);
  // long enough for a look that was not called off
  assert.equal(await all.until(() => false, idle, Date.now() + 20), false);
  assert.equal(looks, 0);
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
      () => looks === 3,
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
