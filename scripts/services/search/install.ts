import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installOnce, type Say } from "../install.ts";
import { javaOnPath } from "../java.ts";
import { fetchJarsOf } from "../maven.ts";
import { tool } from "../tool.ts";

export type SearchEngine = "opensearch" | "elasticsearch";

export const engineNames: Readonly<Record<SearchEngine, string>> = { opensearch: "OpenSearch", elasticsearch: "Elasticsearch" };

export interface SearchInstallation {
  /** Holds libs/ and the compiled main class. */
  readonly dir: string;
  readonly version: string;
}

/** The last Elasticsearch under an open-source licence; the OpenSearch that the Java on the PATH can run. */
function versionFor(engine: SearchEngine, javaMajor: number): string {
  if (engine === "elasticsearch") return "7.10.2";
  return javaMajor >= 21 ? "3.8.0" : "2.19.1";
}

/** The engine's jars, fetched by Maven once per version and kept in .cache, and its main class. */
export async function installSearchEngine(engine: SearchEngine, say: Say = () => {}): Promise<SearchInstallation> {
  const name = engineNames[engine];
  const java = await javaOnPath(name);
  const version = versionFor(engine, java.major);
  const [pom, main] = ["pom.xml", "SearchServer.java"].map((file) => join(import.meta.dirname, engine, file)) as [string, string];
  const key = [version, ...[pom, main].map((file) => readFileSync(file, "utf8"))].join();
  const dir = await installOnce(`${engine}-${version}`, key, async (scratch) => {
    say(`Fetching the jars of ${name} ${version} by Maven, once ...`);
    await fetchJarsOf(pom, join(scratch, "libs"), { "server.version": version });
    const missing = `${name} needs a JDK: javac is not on the PATH (for example the package openjdk-17-jdk-headless).`;
    await tool("javac", ["--release", "17", "-cp", join(scratch, "libs", "*"), "-d", scratch, main], missing);
  });
  return { dir, version };
}
