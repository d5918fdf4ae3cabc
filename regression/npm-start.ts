/** `npm start` as a user has it in a terminal. */
import { execFileSync, spawn } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { freePort } from "../scripts/services/free-port.ts";
import { send } from "./http.ts";
import type { Ended } from "./program.ts";

export interface UnderNpm {
  readonly url: string;
  output(): string;
  /** What Ctrl-C in a terminal does: SIGINT to every process of the group. `left`: processes of the group that are still there when npm has ended. */
  interrupt(): Promise<Ended & { readonly left: readonly number[] }>;
}

/** `npm start` by that shell on the data folder `dir`/data, in a process group of its own; resolves when it is ready. */
export async function underNpm(dir: string, shell: "sh" | "bash"): Promise<UnderNpm> {
  mkdirSync(dir, { recursive: true });
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const child = spawn("npm", ["start"], {
    cwd: join(import.meta.dirname, ".."),
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
    env: { ...process.env, PORT: String(port), TIDEMARK_DATA: join(dir, "data"), npm_config_script_shell: shell },
  });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  const group = child.pid!;
  const exit = new Promise<Ended>((resolve) => child.once("close", (code, signal) => resolve({ code, signal })));
  const end = () => process.kill(-group, "SIGKILL");
  process.once("exit", end);
  void exit.finally(() => process.off("exit", end));
  const deadline = Date.now() + 60_000;
  while ((await send({ method: "GET", url: `${url}/readyz`, timeoutMs: 2_000 })).status !== 200) {
    if (child.exitCode !== null || Date.now() > deadline) throw new Error(`npm start did not become ready.\n${output}`);
    await wait(100);
  }
  return {
    url,
    output: () => output,
    async interrupt() {
      process.kill(-group, "SIGINT");
      const ended = await Promise.race([
        exit,
        wait(20_000).then(() => Promise.reject(new Error(`npm start did not end after SIGINT.\n${output}`))),
      ]);
      return { ...ended, left: groupMembers(group) };
    },
  };
}

function groupMembers(group: number): number[] {
  const rows = execFileSync("ps", ["-e", "-o", "pid=,pgid=,stat="], { encoding: "utf8" })
    .trim()
    .split("\n")
    .map((row) => row.trim().split(/\s+/));
  return rows.filter(([, pgid, stat]) => Number(pgid) === group && !stat!.startsWith("Z")).map(([pid]) => Number(pid));
}
