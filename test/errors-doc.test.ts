import assert from "node:assert/strict";
import { test } from "node:test";
import { errorTable } from "../src/errors.ts";
import { readText } from "./source-files.ts";

const parts = ["Cause", "What you see", "What to do"];

/** Code -> text of its section in docs/errors.md. */
function sections(): Map<string, string> {
  const [, ...chunks] = readText("docs/errors.md").split(/^### /m);
  return new Map(chunks.map((chunk) => [/^`?([A-Z_]+)`?/.exec(chunk)?.[1] ?? chunk.slice(0, 30), chunk.split(/^## /m)[0] ?? ""]));
}

test("docs/errors.md has a section for every code, in the table's order, and for nothing else", () => {
  assert.deepEqual([...sections().keys()], Object.keys(errorTable));
});

test("every section says the cause, what is seen and what to do", () => {
  for (const [code, text] of sections()) {
    for (const part of parts) assert.match(text, new RegExp(`^- \\*\\*${part}\\.\\*\\* \\S.{10,}`, "m"), `${code}: ${part}`);
  }
});

test("every section says rightly whether the same call may succeed later", () => {
  for (const [code, text] of sections()) {
    const { retryable } = errorTable[code as keyof typeof errorTable];
    assert.equal(text.includes("\n*Retryable.*\n"), retryable, code);
  }
});
