import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { isTidemarkError } from "../errors.ts";
import { lockFolder } from "./folder-lock.ts";

const scratch = (t: { after(fn: () => void): void }) => {
  const folder = mkdtempSync(join(tmpdir(), "tidemark-lock-"));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, "data");
};

const refused = (folder: string, owner: RegExp) => (error: unknown) =>
  isTidemarkError(error, "DATA_FOLDER_IN_USE") && error.details.folder === folder && owner.test(error.details.owner);

test("a second owner in the same process is refused by name, until the first gives it back", (t) => {
  const folder = scratch(t);
  const first = lockFolder(folder);
  first.describe("http://127.0.0.1:3000");
  assert.throws(() => lockFolder(folder), refused(folder, new RegExp(`process ${process.pid} .*http://127.0.0.1:3000`)));
  first.release();
  lockFolder(folder).release();
});

test("another process is refused by name, also where it dropped the lock's handle; killed, it leaves nothing in the way", async (t) => {
  const folder = scratch(t);
  const program = `import { lockFolder } from ${JSON.stringify(import.meta.resolve("./folder-lock.ts"))}; lockFolder(${JSON.stringify(folder)}); for (let i = 0; i < 3; i++) { gc(); await new Promise(setImmediate); } console.log("locked"); setInterval(() => {}, 1e9);`;
  const child = spawn(process.execPath, ["--expose-gc", "--input-type=module", "-e", program], { stdio: ["ignore", "pipe", "inherit"] });
  t.after(() => child.kill("SIGKILL"));
  await once(child.stdout, "data");
  assert.throws(() => lockFolder(folder), refused(folder, new RegExp(`process ${child.pid} `)));
  child.kill("SIGKILL");
  await once(child, "exit");
  lockFolder(folder).release();
});
