import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { join } from "node:path";
import { before, after, test } from "node:test";
import { promisify } from "node:util";
import { packageJson, readText, root } from "./source-files.ts";

const run = promisify(execFile);

/** In the checkout, so that the built code finds its dependencies; not dist, which is the developer's. */
let dist: string;

before(async () => {
  mkdirSync(join(root, ".cache"), { recursive: true });
  dist = mkdtempSync(join(root, ".cache", "build-"));
  await run("npm", ["run", "build", "--", "--outDir", dist], { cwd: root });
});

after(() => rmSync(dist, { recursive: true, force: true }));

test("each built entry gives the same names in plain node as its source", async () => {
  const entries = Object.entries(packageJson().exports).flatMap(([subpath, target]) =>
    typeof target === "string" ? [] : [[subpath, built(target.default)]],
  );
  assert.ok(entries.length > 0);
  const script = `const names = {};
    for (const [subpath, file] of ${JSON.stringify(entries)}) names[subpath] = Object.keys(await import(file)).toSorted();
    console.log(JSON.stringify(names));`;
  const { stdout } = await run(process.execPath, ["--input-type=module", "--eval", script], { env: plainEnvironment() });
  assert.deepEqual(JSON.parse(stdout), JSON.parse(readText("test/exports.snapshot.json")));
});

test("the built command line runs", async () => {
  const bin = packageJson().bin?.["tidemark"];
  assert.ok(bin);
  const { stdout } = await run(process.execPath, [built(bin), "--help"], { env: plainEnvironment() });
  assert.match(stdout, /^Usage: tidemark/m);
});

function built(file: string): string {
  return join(dist, file.replace(/^\.\/dist\//, ""));
}

/** Without the flags that this test process runs with. */
function plainEnvironment(): NodeJS.ProcessEnv {
  const { NODE_OPTIONS: _options, NODE_TEST_CONTEXT: _context, ...env } = process.env;
  return env;
}
