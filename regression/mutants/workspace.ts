/** Copies of the project in which mutants live: the checkout itself is never touched. */
import { cpSync, mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Mutant, patched } from "./mutant.ts";

export interface Workspace {
  readonly root: string;
  /** `work` with the patch in place. @throws Error where the text is not there */
  with<T>(mutant: Mutant, work: () => Promise<T>): Promise<T>;
  remove(): void;
}

const project = join(import.meta.dirname, "..", "..");
/** Big and not written to by tests. */
const linked = ["node_modules", ".cache"];
const left = new Set([...linked, ".git", ".services", "dist", "coverage"]);

export function workspace(): Workspace {
  const root = mkdtempSync(join(tmpdir(), "tidemark-mutants-"));
  for (const name of readdirSync(project)) if (!left.has(name)) cpSync(join(project, name), join(root, name), { recursive: true });
  for (const name of linked) {
    mkdirSync(join(project, name), { recursive: true });
    symlinkSync(join(project, name), join(root, name));
  }
  return {
    root,
    async with(mutant, work) {
      const path = join(root, mutant.file);
      const original = readFileSync(path, "utf8");
      writeFileSync(path, patched(mutant, original));
      try {
        return await work();
      } finally {
        writeFileSync(path, original);
      }
    },
    remove: () => rmSync(root, { recursive: true, force: true, maxRetries: 5 }),
  };
}

/** Fails where a patch does not fit, before anything is started. */
export function checkPatches(mutants: readonly Mutant[]): void {
  const names = new Set<string>();
  for (const mutant of mutants) {
    if (names.has(mutant.name)) throw new Error(`two mutants are called ${mutant.name}`);
    names.add(mutant.name);
    patched(mutant, readFileSync(join(project, mutant.file), "utf8"));
  }
}
