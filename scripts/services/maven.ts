import { tool } from "./tool.ts";

/** Fetches the runtime jars of all dependencies of a pom.xml into `libs`. `properties`: those that the pom leaves open. */
export async function fetchJarsOf(pom: string, libs: string, properties: Readonly<Record<string, string>> = {}): Promise<void> {
  const missing =
    "A server's jars are fetched by Maven, and mvn is not on the PATH. Install Maven 3.8 or newer (for example the package maven).";
  const open = Object.entries(properties).map(([name, value]) => `-D${name}=${value}`);
  await tool("mvn", ["-q", "-B", "-f", pom, "dependency:copy-dependencies", `-DoutputDirectory=${libs}`, ...open], missing);
}
