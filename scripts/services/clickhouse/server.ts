import { join } from "node:path";
import { processServer, type ServerOptions } from "../process-server.ts";
import type { Server } from "../server.ts";
import { tool } from "../tool.ts";
import { chdbLibrary, installChdb } from "./install.ts";

/** The URL of a database on such a server, or of the server alone. */
export function clickhouseUrl(address: string, database = ""): string {
  return `http://${address}/${database}`;
}

/** One ClickHouse on 127.0.0.1 over HTTP. It keeps what it acknowledged when its process is killed, not when the machine is. */
export function clickhouseServer(options: ServerOptions): Server {
  return processServer({
    ...options,
    name: "ClickHouse",
    async prepare() {
      const library = chdbLibrary(await installChdb(options.say));
      const missing = "The ClickHouse server for tests needs python3 (for example the package python3).";
      const { stdout: python } = await tool("python3", ["-c", "import sys; print(sys.executable)"], missing);
      const data = join(options.dir, "data");
      const serve = join(import.meta.dirname, "serve.py");
      return { command: python.trim(), args: [serve, library, data, String(options.port)], cwd: options.dir };
    },
    ready: () => clickhouseAnswers(options.port),
    readyWithinMs: 60_000,
  });
}

/** Runs one statement over HTTP and gives its output. */
export async function clickhouseStatement(address: string, sql: string, timeoutMs = 30_000): Promise<string> {
  const response = await fetch(clickhouseUrl(address), { method: "POST", body: sql, signal: AbortSignal.timeout(timeoutMs) });
  const text = await response.text();
  if (!response.ok) throw new Error(`ClickHouse refused '${sql}': ${text}`);
  return text;
}

async function clickhouseAnswers(port: number): Promise<boolean> {
  try {
    return (await clickhouseStatement(`127.0.0.1:${port}`, "select 1", 2_000)) === "1\n";
  } catch {
    return false;
  }
}
