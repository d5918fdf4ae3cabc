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
