import { join } from "node:path";
import { processServer, type ServerOptions } from "../process-server.ts";
import type { Server } from "../server.ts";
import { engineNames, installSearchEngine, type SearchEngine } from "./install.ts";

/** Starts quickly and stays small; throughput is not what it is for. */
const jvmFlags = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms128m", "-Xmx384m", "-XX:+ExitOnOutOfMemoryError"];

export function searchUrl(address: string): string {
  return `http://${address}`;
}

/** One node of OpenSearch or Elasticsearch on 127.0.0.1, without security. It keeps what it acknowledged when it is killed. */
export function searchServer(engine: SearchEngine, options: ServerOptions): Server {
  return processServer({
    ...options,
    name: engineNames[engine],
    async prepare() {
      const { dir, version } = await installSearchEngine(engine, options.say);
      // A newer version's data is of no use to an older one.
      const data = join(options.dir, `data-${version}`);
      const classPath = `${join(dir, "libs", "*")}:${dir}`;
      return { command: "java", args: [...jvmFlags, "-cp", classPath, "SearchServer", data, String(options.port)], cwd: options.dir };
    },
    ready: () => searchAnswers(options.port),
    readyWithinMs: 120_000,
  });
}

/** True when every index that was there before has its primary shards: only then do reads and writes work. */
async function searchAnswers(port: number): Promise<boolean> {
  try {
    const response = await fetch(`${searchUrl(`127.0.0.1:${port}`)}/_cluster/health`, { signal: AbortSignal.timeout(2_000) });
    if (!response.ok) return false;
    return ["yellow", "green"].includes(((await response.json()) as { status: string }).status);
  } catch {
    return false;
  }
}
