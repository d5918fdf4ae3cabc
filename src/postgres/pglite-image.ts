/** A fresh cluster as one file: a new data folder then starts from it in place of `initdb` (2.5 s becomes less than 1 s). */
import { randomUUID } from "node:crypto";
import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

export interface ImageCache {
  /** undefined: there is none (yet). */
  load(): Promise<Uint8Array<ArrayBuffer> | undefined>;
  save(image: Uint8Array): Promise<void>;
}

/** In `folder`, under a name that holds PGlite's version: an image of another version is never used. About 40 MB. */
export function imageFolder(folder: string): ImageCache {
  const path = async () => join(folder, `pglite-${await pgliteVersion()}.tar`);
  return {
    async load() {
      try {
        return await readFile(await path());
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code === "ENOENT") return undefined;
        throw error;
      }
    },
    async save(image) {
      await mkdir(folder, { recursive: true });
      const target = await path();
      // another process may be reading or writing the same file: it is there whole or not at all
      const part = `${target}.${randomUUID()}`;
      await writeFile(part, image);
      await rename(part, target);
    },
  };
}

async function pgliteVersion(): Promise<string> {
  const entry = createRequire(import.meta.url).resolve("@electric-sql/pglite");
  for (let folder = dirname(entry); folder !== dirname(folder); folder = dirname(folder)) {
    const text = await readFile(join(folder, "package.json"), "utf8").catch(() => undefined);
    const found = text === undefined ? undefined : (JSON.parse(text) as { name?: string; version?: string });
    if (found?.name === "@electric-sql/pglite" && found.version !== undefined) return found.version;
  }
  throw new Error(`the version of @electric-sql/pglite was not found above ${entry}`);
}
