import assert from "node:assert/strict";
import { test } from "node:test";
import { stateCache } from "./state-cache.ts";

test("a raised epoch drops all, and an answer from before fills nothing", () => {
  let epoch = 0;
  const cache = stateCache(10, () => epoch);
  cache.set("l", "a", { version: 1, state: "a" }, 0);
  assert.deepEqual(cache.get("l", "a"), { version: 1, state: "a" });
  epoch = 1;
  assert.equal(cache.get("l", "a"), undefined);
  cache.set("l", "a", { version: 2, state: "old" }, 0);
  assert.equal(cache.get("l", "a"), undefined);
  cache.set("l", "a", { version: 2, state: "new" }, 1);
  assert.equal(cache.get("l", "a")?.state, "new");
});

test("the least recently used stream goes first, and one stream of two logs is two", () => {
  const cache = stateCache(2, () => 0);
  cache.set("l", "a", { version: 1, state: 1 }, 0);
  cache.set("m", "a", { version: 1, state: 2 }, 0);
  assert.equal(cache.get("l", "a")?.state, 1);
  cache.set("l", "c", { version: 1, state: 3 }, 0);
  assert.equal(cache.get("m", "a"), undefined);
  assert.equal(cache.size, 2);
  cache.drop("l", "a");
  assert.equal(cache.get("l", "a"), undefined);
});
