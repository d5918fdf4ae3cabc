import assert from "node:assert/strict";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import type { Outcome } from "./app.ts";
import type { CheckedCommand } from "./command-job.ts";
import { inProgress } from "./in-progress.ts";

const command = (id: string, fingerprint = "f") => ({ id, fingerprint }) as CheckedCommand;
const rejected: Outcome = { accepted: false, commandId: "a", rejection: "No", data: null, detail: "no", replayed: false };
const deferred = () => {
  let resolve = (_: Outcome): void => undefined;
  let reject = (_: unknown): void => undefined;
  const promise = new Promise<Outcome>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
};

test("a repeat under way gets the first's answer, marked; another command under that id is refused", async () => {
  const coalesce = inProgress(5_000);
  const first = deferred();
  const one = coalesce(command("a"), () => first.promise);
  const repeat = coalesce(command("a"), () => assert.fail("must not run"));
  const other = coalesce(command("a", "g"), () => assert.fail("must not run"));
  first.resolve(rejected);
  assert.deepEqual(await one, rejected);
  assert.deepEqual(await repeat, { ...rejected, replayed: true });
  await assert.rejects(other, (error) => isTidemarkError(error, "IDEMPOTENCY_KEY_REUSED"));
});

test("where the first fails, those who wait try in turn", async () => {
  const coalesce = inProgress(5_000);
  const first = deferred();
  const runs: string[] = [];
  const one = coalesce(command("a"), () => first.promise);
  const two = coalesce(command("a"), async () => (runs.push("two"), rejected));
  const three = coalesce(command("a"), async () => (runs.push("three"), rejected));
  first.reject(new Error("down"));
  await assert.rejects(one, /down/);
  assert.deepEqual([(await two).replayed, (await three).replayed], [false, true]);
  assert.deepEqual(runs, ["two"]);
});

test("a repeat does not wait for ever", async () => {
  const coalesce = inProgress(10);
  const first = deferred();
  const one = coalesce(command("a"), () => first.promise);
  await assert.rejects(
    coalesce(command("a"), () => first.promise),
    (error) => isTidemarkError(error, "COMMAND_IN_PROGRESS"),
  );
  first.resolve(rejected);
  await one;
  assert.deepEqual(await coalesce(command("a"), async () => rejected), rejected);
});
