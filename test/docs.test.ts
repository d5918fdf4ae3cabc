import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";
import { filesUnder, readText, root } from "./source-files.ts";

const run = promisify(execFile);
const pages = ["README.md", ...filesUnder(["docs"], "**/*.md")];

interface Fence {
  readonly page: string;
  /** The word after `ts` names the file, so that a later fence of the page can import it. */
  readonly name: string;
  readonly code: string;
}

function fencesOf(page: string, text: string): Fence[] {
  return [...text.matchAll(/^```ts(?:[ \t]+([\w./-]+))?[ \t]*\n(.*?)^```/gms)].map(([, name, code = ""], i) => ({
    page,
    name: name ?? `example-${i + 1}.ts`,
    code,
  }));
}

/** The compiler's complaints about these fences, or "" where there are none. */
async function complaints(fences: readonly Fence[]): Promise<string> {
  mkdirSync(join(root, ".cache"), { recursive: true });
  // In the checkout, so that `tidemark` and the development packages resolve.
  const dir = mkdtempSync(join(root, ".cache", "docs-"));
  try {
    for (const { page, name, code } of fences) {
      const file = join(dir, page.replace(/\.md$/, ""), name);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `${code}\nexport {};\n`);
    }
    writeFileSync(join(dir, "tsconfig.json"), JSON.stringify({ extends: "../../tsconfig.json", include: ["**/*.ts"], exclude: [] }));
    await run(process.execPath, [join(root, "node_modules/typescript/bin/tsc"), "-p", dir], { cwd: dir });
    return "";
  } catch (error) {
    return (error as { stdout?: string }).stdout || String(error);
  } finally {
    rmSync(dir, { recursive: true, force: true });
  }
}

/** Links to files of this checkout that are not there, or to headings that the page does not have. */
function deadLinks(page: string, text: string): string[] {
  const prose = text.replaceAll(/^```.*?^```/gms, "").replaceAll(/`[^`\n]*`/g, "");
  return [...prose.matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target)
    .filter((target) => !/^[a-z]+:/.test(target))
    .filter((target) => {
      const [path = "", anchor] = target.split("#");
      const file = join(dirname(page), path);
      if (path !== "" && !existsSync(join(root, file))) return true;
      return anchor !== undefined && !anchorsOf(path === "" ? text : readText(file)).has(anchor);
    })
    .map((target) => `${page}: ${target}`);
}

/** The anchors that GitHub gives to the headings of a page. */
function anchorsOf(text: string): Set<string> {
  const headings = text.replaceAll(/^```.*?^```/gms, "").matchAll(/^#+ (.+)$/gm);
  return new Set(
    [...headings].map(([, title = ""]) =>
      title
        .toLowerCase()
        .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
        .trim()
        .replaceAll(/\s/g, "-"),
    ),
  );
}

test("every ts example of README.md and docs type-checks", async () => {
  const fences = pages.flatMap((page) => fencesOf(page, readText(page)));
  assert.ok(fences.length > 0, "there are examples");
  assert.equal(await complaints(fences), "");
});

test("every relative link of README.md and docs leads somewhere", () => {
  assert.deepEqual(
    pages.flatMap((page) => deadLinks(page, readText(page))),
    [],
  );
});

test("the check finds an example that does not compile", async () => {
  const [fence] = fencesOf("x.md", "Text\n\n```ts wrong.ts\nconst n: number = 'text';\n```\n");
  assert.ok(fence);
  assert.match(await complaints([fence]), /wrong\.ts\(1,7\): error TS2322/);
});

test("the check finds dead links and dead anchors, and passes good ones", () => {
  const text = "# One two\n\n[a](#one-two) [b](nowhere.md) [c](#three) [d](https://example.org/x) `[e](code.md)`\n";
  assert.deepEqual(deadLinks("x.md", text), ["x.md: nowhere.md", "x.md: #three"]);
});
