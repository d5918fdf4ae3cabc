import { join } from "node:path";
import { processServer, type ServerOptions } from "../process-server.ts";
import type { Server } from "../server.ts";
import { installMongoDb } from "./install.ts";

/** The URL of a database on such a server, or of the server alone. */
export function mongodbUrl(address: string, database = ""): string {
  return `mongodb://${address}/${database}?directConnection=true`;
}

export interface MongoDbOptions extends ServerOptions {
  /**
   * Every commit is on disk before it is acknowledged. Without it writes are about three times as fast, and those of the last
   * moments are lost when the process is killed.
   * @default true
   */
  readonly durable?: boolean;
}

/** One server of MongoDB's protocol on 127.0.0.1, a replica set of one node. */
export function mongodbServer({ durable = true, ...options }: MongoDbOptions): Server {
  return processServer({
    ...options,
    name: "MongoDB",
    async prepare() {
      const { python, packages } = await installMongoDb(options.say);
      const flags = {
        "--host": "127.0.0.1",
        "--port": String(options.port),
        "--storage-path": join(options.dir, "data"),
        "--cache-size": "64M",
        "--log-level": "WARNING",
      };
      return {
        command: python,
        args: ["-c", "from secantus.cli import main; main()", ...Object.entries(flags).flat(), ...(durable ? ["--sync-on-commit"] : [])],
        cwd: options.dir,
        env: { PYTHONPATH: packages },
      };
    },
    ready: () => mongodbAnswers(options.port),
    readyWithinMs: 60_000,
  });
}

async function mongodbAnswers(port: number): Promise<boolean> {
  // The driver is loaded where it is used: every test file reads this module.
  const { MongoClient } = await import("mongodb");
  const client = new MongoClient(mongodbUrl(`127.0.0.1:${port}`), { serverSelectionTimeoutMS: 500, connectTimeoutMS: 2_000 });
  try {
    await client.db("admin").command({ ping: 1 });
    return true;
  } catch {
    return false;
  } finally {
    await client.close();
  }
}
