/**
 * One process per data folder. PGlite does not lock its folder, and a second process would silently lose its writes.
 * The lock is the operating system's, taken by SQLite on a file in the folder: it ends with the process, however that ends.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { hostname } from "node:os";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { TidemarkError } from "../errors.ts";

export interface FolderLock {
  readonly folder: string;
  /** Tells a refused process where this one is to be found. */
  describe(where: string): void;
  release(): void;
}

/** Held here until released: a connection that nobody refers to is closed by the garbage collector, and its lock is gone with it. */
const held = new Set<DatabaseSync>();

/** @throws DATA_FOLDER_IN_USE with the owner's process id, INVALID_SETTING where the folder cannot be made */
export function lockFolder(path: string): FolderLock {
  const folder = resolve(path);
  const ownerFile = join(folder, "owner.json");
  try {
    mkdirSync(folder, { recursive: true });
  } catch (cause) {
    throw new TidemarkError("INVALID_SETTING", { setting: "TIDEMARK_DATA", problem: `the folder ${folder} cannot be made` }, { cause });
  }
  const file = new DatabaseSync(join(folder, "lock"));
  try {
    file.exec("pragma locking_mode = exclusive; begin exclusive; create table if not exists held (by text); commit");
  } catch (cause) {
    file.close();
    if ((cause as { errcode?: number }).errcode !== 5) throw cause;
    throw new TidemarkError("DATA_FOLDER_IN_USE", { folder, owner: ownerOf(ownerFile) }, { cause });
  }
  held.add(file);
  const startedAt = new Date().toISOString();
  const write = (where: string | null) =>
    writeFileSync(ownerFile, JSON.stringify({ pid: process.pid, host: hostname(), startedAt, where }));
  write(null);
  const release = () => {
    held.delete(file);
    file.close();
  };
  return { folder, describe: write, release };
}

function ownerOf(ownerFile: string): string {
  try {
    const owner = JSON.parse(readFileSync(ownerFile, "utf8")) as { pid: number; startedAt: string; where: string | null };
    return `process ${owner.pid} (since ${owner.startedAt}${owner.where === null ? "" : `, ${owner.where}`})`;
  } catch {
    return "another process that is just starting";
  }
}
