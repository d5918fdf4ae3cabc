import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import { packageJson, readText, root } from "./source-files.ts";

const snapshot = "test/exports.snapshot.json";
const update = process.env["UPDATE_SNAPSHOTS"] === "1";

/** Subpath of the package -> its values' names, sorted. Types are erased, so they are not seen here. */
async function surface(): Promise<Record<string, string[]>> {
  const names: Record<string, string[]> = {};
  for (const [subpath, target] of Object.entries(packageJson().exports)) {
    if (typeof target === "string") continue;
    names[subpath] = Object.keys((await import(join(root, target.source))) as object).toSorted();
  }
  return names;
}

test(`what each subpath exports is what ${snapshot} says (UPDATE_SNAPSHOTS=1 rewrites it)`, async () => {
  const names = await surface();
  assert.ok(Object.keys(names).length > 0);
  if (update) writeFileSync(join(root, snapshot), `${JSON.stringify(names, null, 2)}\n`);
  assert.deepEqual(names, JSON.parse(readText(snapshot)));
});

test("every subpath has its source, types and code at the same place", () => {
  for (const [subpath, target] of Object.entries(packageJson().exports)) {
    if (typeof target === "string") continue;
    const name = target.source.replace(/^\.\/src\//, "").replace(/\.ts$/, "");
    assert.deepEqual(target, { source: `./src/${name}.ts`, types: `./dist/${name}.d.ts`, default: `./dist/${name}.js` }, subpath);
  }
});
