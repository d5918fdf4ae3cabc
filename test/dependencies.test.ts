import assert from "node:assert/strict";
import { test } from "node:test";
import { readText } from "./source-files.ts";

const chapters = {
  "Dependencies": ["package.json", "dependencies"],
  "Peer dependencies": ["package.json", "peerDependencies"],
  "Development dependencies": ["package.json", "devDependencies"],
  "Of the measurements alone": ["bench/opponents/package.json", "dependencies"],
} as const;

test("docs/dependencies.md gives a reason for every dependency of each package.json, and for nothing else", () => {
  const page = readText("docs/dependencies.md");
  for (const [title, [file, field]] of Object.entries(chapters)) {
    const declared = (JSON.parse(readText(file)) as Readonly<Record<string, Readonly<Record<string, string>> | undefined>>)[field];
    const chapter = page.split(`\n## ${title}\n`)[1]?.split("\n## ")[0] ?? "";
    const reasons = [...chapter.matchAll(/^- `([^`]+)`: .{10,}$/gm)].map(([, name = ""]) => name);
    assert.deepEqual(reasons, Object.keys(declared ?? {}).toSorted(), title);
  }
});
