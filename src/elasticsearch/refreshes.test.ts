import assert from "node:assert/strict";
import { test } from "node:test";
import { sharedRefresh } from "./refreshes.ts";

function refreshes() {
  const begun: { readonly end: () => void; readonly fail: (error: Error) => void }[] = [];
  const visible = sharedRefresh(() => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    begun.push({ end: resolve, fail: reject });
    return promise;
  });
  return { begun, visible };
}

test("who comes while a refresh runs waits for one that begins afterwards, together with all others who do", async () => {
  const { begun, visible } = refreshes();
  const first = visible();
  const late = [visible(), visible(), visible()];
  assert.equal(begun.length, 1);
  begun[0]!.end();
  await first;
  const settled: string[] = [];
  for (const one of late) void one.then(() => settled.push("late"));
  await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual([begun.length, settled], [2, []]);
  const next = visible();
  begun[1]!.end();
  await Promise.all(late);
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(begun.length, 3);
  begun[2]!.end();
  await next;
});

test("a refresh that fails fails those who waited for it, and no others", async () => {
  const { begun, visible } = refreshes();
  const first = visible();
  const second = visible();
  begun[0]!.fail(new Error("down"));
  await assert.rejects(first, /down/);
  await new Promise((resolve) => setImmediate(resolve));
  begun[1]!.end();
  await second;
  const third = visible();
  begun[2]!.end();
  await third;
});
