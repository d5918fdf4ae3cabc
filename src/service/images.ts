/** Where the prepared PGlite cluster is kept: beside this package, made by its first start (or by `npm ci`, in the project itself). */
import { fileURLToPath } from "node:url";
import { imageFolder, type ImageCache } from "../postgres/index.ts";

export const images = (): ImageCache => imageFolder(fileURLToPath(new URL("../../.cache/pglite", import.meta.url)));
