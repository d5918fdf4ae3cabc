import { join } from "node:path";

const root = join(import.meta.dirname, "..", "..");

/** What can be fetched or made again: jars, class archives. */
export const cacheDir = join(root, ".cache");

/** Data, logs and the state of the servers that `npm run services` keeps running. */
export const servicesDir = process.env["TIDEMARK_SERVICES"] ?? join(root, ".services");
