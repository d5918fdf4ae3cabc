/** What only benchmarks need has a package.json of its own beside it: installed from its lockfile on first use, never by the root's `npm ci`. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";

const home = fileURLToPath(new URL("../opponents/", import.meta.url));

export async function installOpponents(say: (line: string) => void): Promise<void> {
  const lock = `${home}package-lock.json`;
  const marker = `${home}node_modules/.package-lock.json`;
  if (existsSync(marker) && statSync(marker).mtimeMs >= statSync(lock).mtimeMs) return;
  say("installing the opponents: npm ci --prefix bench/opponents");
  const child = spawn("npm", ["ci", "--prefix", home, "--ignore-scripts", "--no-audit", "--no-fund"], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const [code] = (await once(child, "exit")) as [number | null];
  if (code !== 0) throw new Error(`npm ci --prefix bench/opponents ended with ${code}`);
}
