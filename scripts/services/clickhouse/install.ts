import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { installOnce, type Say } from "../install.ts";
import { tool } from "../tool.ts";

/** It names the version of its own library exactly: ClickHouse 26.7. */
const packageName = "chdb@3.4.0";

/**
 * The folder whose node_modules hold the npm package `chdb`: ClickHouse as a library, 540 MB, so it is no dependency of
 * package.json but fetched once where it is used, and kept in .cache.
 */
export async function installChdb(say: Say = () => {}): Promise<string> {
  return await installOnce("clickhouse", [packageName, process.platform, process.arch].join(" "), async (scratch) => {
    say(`Fetching ClickHouse as a library (${packageName}, 540 MB) by npm, once ...`);
    writeFileSync(join(scratch, "package.json"), '{ "private": true }\n');
    const flags = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-package-lock"];
    await tool("npm", ["install", ...flags, packageName], "npm is not on the PATH.", scratch);
  });
}

/** The shared library of an installation, for this platform. */
export function chdbLibrary(dir: string): string {
  const requireThere = createRequire(join(dir, "node_modules", "chdb", "package.json"));
  const suffix = process.platform === "linux" ? "-gnu" : "";
  const name = `@chdb/lib-${process.platform}-${process.arch}${suffix}`;
  try {
    return join(dirname(requireThere.resolve(`${name}/package.json`)), "libchdb.so");
  } catch (error) {
    throw new Error(`ClickHouse as a library is not made for this platform: there is no npm package ${name}.`, { cause: error });
  }
}
