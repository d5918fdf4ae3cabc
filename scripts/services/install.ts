import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { cacheDir } from "./places.ts";

/** Says what is being fetched or made, and that it happens once. */
export type Say = (line: string) => void;

/**
 * The folder `.cache/<name>-<hash of key>`, filled by `fill` the first time. Filled beside its place and renamed, so that
 * a folder that is there is whole; safe when several processes install at once: the first rename wins.
 */
export async function installOnce(name: string, key: string, fill: (scratch: string) => Promise<void>): Promise<string> {
  const dir = join(cacheDir, `${name}-${hash(key)}`);
  if (existsSync(dir)) return dir;
  mkdirSync(cacheDir, { recursive: true });
  const scratch = mkdtempSync(`${dir}-`);
  try {
    await fill(scratch);
    chmodSync(scratch, 0o755);
    moveInto(scratch, dir);
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
  return dir;
}

/** Renames, and is content where another process was first. */
export function moveInto(from: string, to: string): void {
  try {
    renameSync(from, to);
  } catch (error) {
    if (!existsSync(to)) throw error;
  }
}

export function hash(text: string): string {
  return createHash("sha256").update(text).digest("hex").slice(0, 12);
}
