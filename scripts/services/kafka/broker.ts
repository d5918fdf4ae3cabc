import { existsSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { endProcess, isRunning, type ProcessId, spawnServer, untilReady } from "../processes.ts";
import type { Server } from "../server.ts";
import { formatStorage, installKafka } from "./install.ts";
import { classPath, type Jvm, jvmFlags } from "./java.ts";
import { kafkaAnswers } from "./probe.ts";
import { type BrokerSettings, serverProperties } from "./settings.ts";

export interface KafkaOptions extends Omit<BrokerSettings, "dataDir"> {
  /** Holds data, settings and log. Made if it is not there. */
  readonly dir: string;
  /** A process that is known to run on this folder already. */
  readonly running?: ProcessId;
  /** "small" unless given. */
  readonly jvm?: Jvm;
  readonly say?: (line: string) => void;
}

/** One real Kafka broker on 127.0.0.1. Topics are never created by themselves. */
export function kafkaServer(options: KafkaOptions): Server {
  const dataDir = join(options.dir, "data");
  const logFile = join(options.dir, "kafka.log");
  let id = options.running;

  const start = async (): Promise<void> => {
    if (id && isRunning(id)) return;
    const installation = await installKafka(options.say);
    mkdirSync(options.dir, { recursive: true });
    const properties = join(options.dir, "server.properties");
    writeFileSync(properties, serverProperties({ ...options, dataDir }));
    if (!existsSync(join(dataDir, "meta.properties"))) await formatStorage(installation, properties);
    const args = [...jvmFlags(options.jvm ?? "small"), ...installation.archiveFlags, "-cp", classPath, "kafka.Kafka", properties];
    const started = await spawnServer({ command: "java", args, cwd: installation.dir, logFile });
    id = started;
    await untilReady({ name: "Kafka", id: started, logFile, timeoutMs: 60_000, probe: () => kafkaAnswers(options.port) });
  };

  const end = async (signal: NodeJS.Signals): Promise<void> => {
    if (id) await endProcess(id, signal);
    id = undefined;
  };

  return {
    name: "Kafka",
    address: `127.0.0.1:${options.port}`,
    logFile,
    get process() {
      return id && isRunning(id) ? id : undefined;
    },
    start,
    stop: () => end("SIGTERM"),
    kill: () => end("SIGKILL"),
  };
}
