import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of the checkout. */
export const root = join(import.meta.dirname, "..");

/** The paths of the files under `dirs` that match, relative to the root, with forward slashes, sorted. */
export function filesUnder(dirs: readonly string[], pattern = "**/*.ts"): string[] {
  return globSync(
    dirs.map((dir) => `${dir}/${pattern}`),
    { cwd: root, exclude: ["**/node_modules/**", "**/dist/**"] },
  )
    .map((file) => file.replaceAll("\\", "/"))
    .toSorted();
}

export function readText(file: string): string {
  return readFileSync(join(root, file), "utf8");
}

interface PackageJson {
  readonly exports: Readonly<Record<string, string | { readonly source: string; readonly types: string; readonly default: string }>>;
  readonly bin?: Readonly<Record<string, string>>;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
}

export function packageJson(): PackageJson {
  return JSON.parse(readText("package.json")) as PackageJson;
}
