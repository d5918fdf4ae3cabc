import assert from "node:assert/strict";
import { test } from "node:test";
import { productStats as view } from "../../test/view-domain.ts";
import { currentByStatus } from "./current-generation.ts";
import type { Generation, ViewStatus } from "./ports.ts";

const generation = (generation: number, store: string, state: Generation["state"]): ViewStatus["generations"][number] => ({
  generation,
  store,
  state,
  view: view.name,
  declaredVersion: view.version,
  hash: view.hash,
  createdAt: "2026-01-01T00:00:00.000Z",
  checkpoints: [],
  failures: [],
});
const asked = (store: string, generations: ViewStatus["generations"]) =>
  currentByStatus(view, { view: view.name, store, generations, ends: [], caughtUpAgoMs: new Map() })?.generation;

test("a view that moved to another kind of store is read in each by the generation that is kept there", () => {
  const moved = [generation(1, "sql", "previous"), generation(2, "mongodb", "live")];
  assert.equal(asked("sql", moved), 1);
  assert.equal(asked("mongodb", moved), 2);
});

test("one that another kind of store still fills answers nobody there", () => {
  const moving = [generation(1, "sql", "live"), generation(2, "mongodb", "building")];
  assert.equal(asked("sql", moving), 1);
  assert.equal(asked("mongodb", moving), undefined);
});
