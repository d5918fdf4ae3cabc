import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { processServer, type ServerOptions } from "../process-server.ts";
import type { Server } from "../server.ts";
import { formatStorage, installKafka } from "./install.ts";
import { classPath, type Jvm, jvmFlags } from "./java.ts";
import { kafkaAnswers } from "./probe.ts";
import { type BrokerSettings, serverProperties } from "./settings.ts";

export interface KafkaOptions extends ServerOptions, Omit<BrokerSettings, "dataDir"> {
  /** "small" unless given. */
  readonly jvm?: Jvm;
}

/** One real Kafka broker on 127.0.0.1. Topics are never created by themselves. */
export function kafkaServer(options: KafkaOptions): Server {
  const dataDir = join(options.dir, "data");
  return processServer({
    ...options,
    name: "Kafka",
    async prepare() {
      const installation = await installKafka(options.say);
      const properties = join(options.dir, "server.properties");
      writeFileSync(properties, serverProperties({ ...options, dataDir }));
      if (!existsSync(join(dataDir, "meta.properties"))) await formatStorage(installation, properties);
      const args = [...jvmFlags(options.jvm ?? "small"), ...installation.archiveFlags, "-cp", classPath, "kafka.Kafka", properties];
      return { command: "java", args, cwd: installation.dir };
    },
    ready: () => kafkaAnswers(options.port),
    readyWithinMs: 60_000,
  });
}
