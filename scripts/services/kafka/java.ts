import { execFile } from "node:child_process";
import { promisify } from "node:util";

const run = promisify(execFile);

/** The classes of one broker, from the artifacts' folder. Relative, so that a class archive stays valid when the folder is moved. */
export const classPath = "libs/*";

/** `small`: starts quickly, throughput is not what it is for. `server`: as Kafka's own start script has it. */
export type Jvm = "small" | "server";

const flags: Readonly<Record<Jvm, readonly string[]>> = {
  small: ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Xms32m", "-Xmx256m"],
  server: ["-server", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35", "-Xms1g", "-Xmx1g"],
};

export const jvmFlags = (jvm: Jvm): readonly string[] => [
  ...flags[jvm],
  "-XX:+ExitOnOutOfMemoryError",
  "-Dlog4j2.configurationFile=log4j2.xml",
];

/** What `java -version` says. Fails with what to install if there is none, or if it is too old. */
export async function javaVersion(): Promise<string> {
  const { stderr } = await tool(
    "java",
    ["-version"],
    "Kafka needs a Java runtime, version 17 or newer. Install one (for example the package openjdk-17-jre-headless) and put java on the PATH.",
  );
  const major = Number(/version "(\d+)/.exec(stderr)?.[1]);
  if (!(major >= 17)) throw new Error(`Kafka needs Java 17 or newer; java on the PATH says: ${stderr.trim()}`);
  return stderr.trim();
}

/** Runs a program to its end. `missing` is the error's text where the program is not on the PATH. */
export async function tool(
  command: string,
  args: readonly string[],
  missing: string,
  cwd?: string,
): Promise<{ stdout: string; stderr: string }> {
  try {
    return await run(command, args, { maxBuffer: 64 * 1024 * 1024, ...(cwd === undefined ? {} : { cwd }) });
  } catch (error) {
    const failure = error as NodeJS.ErrnoException & { stdout?: string; stderr?: string };
    if (failure.code === "ENOENT") throw new Error(missing, { cause: error });
    const output = `${failure.stdout ?? ""}${failure.stderr ?? ""}`.trim();
    throw new Error(`${command} ${args.join(" ")} failed:\n${output || failure.message}`, { cause: error });
  }
}
