import { TidemarkError } from "../errors.ts";
import type { DatabaseOptions } from "./database-options.ts";
import { pgliteDatabase } from "./pglite-database.ts";
import type { Database } from "./sql.ts";

/** A server by its URL, or PGlite in a folder of its own; `dataDir` undefined: PGlite in memory. */
export type DatabaseLocation = { readonly url: string } | { readonly dataDir: string | undefined };

/** A server is connected to at the first use; PGlite is up when this resolves. @throws MISSING_PACKAGE, INVALID_SETTING */
export async function openDatabase(location: DatabaseLocation, options: DatabaseOptions): Promise<Database> {
  if (!("url" in location)) return pgliteDatabase(location.dataDir, options);
  if (!URL.canParse(location.url))
    throw new TidemarkError("INVALID_SETTING", {
      setting: "database URL",
      problem: "it is not a URL like postgres://user:password@host:5432/database",
    });
  const { postgresDatabase } = await import("./postgres-database.ts").catch((cause: unknown) => {
    if ((cause as NodeJS.ErrnoException).code !== "ERR_MODULE_NOT_FOUND") throw cause;
    throw new TidemarkError("MISSING_PACKAGE", { name: "pg", purpose: "to connect to PostgreSQL" }, { cause });
  });
  return postgresDatabase(location.url, options);
}
