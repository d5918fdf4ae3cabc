/** Where the prepared PGlite cluster is kept: beside this package, made by its first start (or by `npm ci`, in the project itself). */
import { fileURLToPath } from "node:url";
import { imageFolder, type ImageCache } from "../postgres/index.ts";

const refusals = new Set(["EACCES", "EPERM", "EROFS", "ENOSPC"]);

/** Only a first start is slower without it, so a folder that takes no files is no reason not to start. */
export function images(): ImageCache {
  const { load, save } = imageFolder(fileURLToPath(new URL("../../.cache/pglite", import.meta.url)));
  return {
    load,
    async save(image) {
      try {
        await save(image);
      } catch (error) {
        if (!refusals.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    },
  };
}
