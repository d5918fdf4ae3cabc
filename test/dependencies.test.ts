import assert from "node:assert/strict";
import { test } from "node:test";
import { packageJson, readText } from "./source-files.ts";

const chapters = {
  "Dependencies": "dependencies",
  "Peer dependencies": "peerDependencies",
  "Development dependencies": "devDependencies",
} as const;

test("docs/dependencies.md gives a reason for every dependency of package.json, and for nothing else", () => {
  const page = readText("docs/dependencies.md");
  for (const [title, field] of Object.entries(chapters)) {
    const chapter = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const reasons = [...chapter.matchAll(/^- `([^`]+)`: .{10,}$/gm)].map(([, name = ""]) => name);
    assert.deepEqual(reasons, Object.keys(packageJson()[field] ?? {}).toSorted(), title);
  }
});
