import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import { askControl, controlPath, serveControl } from "./control.ts";

const scratch = (t: TestContext) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-control-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};

test("an answer comes after its progress", async (t) => {
  const folder = scratch(t);
  const control = await serveControl(folder, async (request, progress) => {
    progress({ done: 1 });
    progress({ done: 2 });
    return { asked: request };
  });
  t.after(() => control.close());
  const seen: unknown[] = [];
  const answer = await askControl(folder, { do: "rebuild", view: "orders" }, (value) => seen.push(value));
  assert.deepEqual(answer, { result: { asked: { do: "rebuild", view: "orders" } } });
  assert.deepEqual(seen, [{ done: 1 }, { done: 2 }]);
});

test("a failure comes as its message", async (t) => {
  const folder = scratch(t);
  const control = await serveControl(folder, () => Promise.reject(new Error("no such view")));
  t.after(() => control.close());
  await assert.rejects(askControl(folder, { do: "status" }), /no such view/);
});

test("nobody there is no failure", async (t) => {
  const folder = scratch(t);
  assert.equal(await askControl(folder, { do: "status" }), undefined);
  const control = await serveControl(folder, () => Promise.resolve(1));
  await control.close();
  assert.equal(await askControl(folder, { do: "status" }), undefined);
});

test("a deep folder's socket has a short path of its own", () => {
  const deep = join(tmpdir(), "x".repeat(120));
  assert.ok(Buffer.byteLength(controlPath(deep)) < 100);
  assert.notEqual(controlPath(deep), controlPath(`${deep}y`));
});
