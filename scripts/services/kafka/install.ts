import { accessSync, constants, copyFileSync, existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { hash, installOnce, moveInto, type Say } from "../install.ts";
import { javaOnPath } from "../java.ts";
import { fetchJarsOf } from "../maven.ts";
import { cacheDir } from "../places.ts";
import { endProcess, spawnServer, untilReady } from "../processes.ts";
import { tool } from "../tool.ts";
import { classPath, jvmFlags } from "./java.ts";
import { kafkaAnswers } from "./probe.ts";
import { serverProperties } from "./settings.ts";

export interface KafkaInstallation {
  /** Working directory of every JVM: holds libs/ and log4j2.xml. */
  readonly dir: string;
  /** Flags that name the class archive, none where this JVM could not make one. */
  readonly archiveFlags: readonly string[];
}

const here = import.meta.dirname;
const clusterId = "MkU3OEVBNTcwNTJENDM2Qk";

/**
 * The broker's jars, fetched by Maven once per version of pom.xml and kept in .cache, and a class archive per JVM,
 * which halves every later start. Safe when several processes install at once: the first rename wins.
 */
export async function installKafka(say: Say = () => {}): Promise<KafkaInstallation> {
  const java = await javaOnPath("Kafka");
  const key = readFileSync(join(here, "pom.xml"), "utf8") + readFileSync(join(here, "log4j2.xml"), "utf8");
  const dir = await installOnce("kafka", key, (scratch) => fetchJars(scratch, say));
  const archive = `classes-${hash(java.text + jvmFlags("small").join())}.jsa`;
  if (!existsSync(join(dir, archive)) && mayWrite(dir)) await makeArchive(dir, archive, say);
  return { dir, archiveFlags: existsSync(join(dir, archive)) ? [`-XX:SharedArchiveFile=${archive}`] : [] };
}

async function fetchJars(scratch: string, say: Say): Promise<void> {
  say("Fetching Kafka's jars by Maven, once ...");
  await fetchJarsOf(join(here, "pom.xml"), join(scratch, "libs"));
  copyFileSync(join(here, "log4j2.xml"), join(scratch, "log4j2.xml"));
}

async function makeArchive(dir: string, archive: string, say: Say): Promise<void> {
  say("Making the class archive of this Java, once ...");
  const scratch = mkdtempSync(join(cacheDir, "archive-"));
  try {
    const port = await freePort();
    const properties = join(scratch, "server.properties");
    const logFile = join(scratch, "broker.log");
    writeFileSync(properties, serverProperties({ dataDir: join(scratch, "data"), port, controllerPort: await freePort() }));
    await formatStorage({ dir, archiveFlags: [] }, properties);
    const args = [...jvmFlags("small"), `-XX:ArchiveClassesAtExit=${join(scratch, archive)}`, "-cp", classPath, "kafka.Kafka", properties];
    const id = await spawnServer({ command: "java", args, cwd: dir, logFile });
    try {
      await untilReady({ name: "Kafka", id, logFile, timeoutMs: 60_000, probe: () => kafkaAnswers(port) });
    } finally {
      await endProcess(id, "SIGTERM", 60_000);
    }
    // The archive only saves time: a Java that cannot write one is served without.
    if (existsSync(join(scratch, archive))) moveInto(join(scratch, archive), join(dir, archive));
    else say("This Java made no class archive; Kafka will start more slowly.");
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
}

/** Gives an empty data folder its cluster id. */
export async function formatStorage({ dir, archiveFlags }: KafkaInstallation, properties: string): Promise<void> {
  await tool(
    "java",
    [...jvmFlags("small"), ...archiveFlags, "-cp", classPath, "kafka.tools.StorageTool", "format", "-t", clusterId, "-c", properties],
    "java is not on the PATH.",
    dir,
  );
}

/** False where another user made the folder: then this one does without an archive of its own. */
function mayWrite(dir: string): boolean {
  try {
    accessSync(dir, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}
