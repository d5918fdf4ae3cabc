import { tool } from "./tool.ts";

export interface Java {
  readonly major: number;
  /** What `java -version` says. */
  readonly text: string;
}

/** The Java on the PATH. Fails with what to install if there is none, or if it is older than 17. */
export async function javaOnPath(neededBy: string): Promise<Java> {
  const { stderr } = await tool(
    "java",
    ["-version"],
    `${neededBy} needs a Java runtime, version 17 or newer. Install one (for example the package openjdk-17-jdk-headless) and put java on the PATH.`,
  );
  const text = stderr.trim();
  const major = Number(/version "(\d+)/.exec(text)?.[1]);
  if (!(major >= 17)) throw new Error(`${neededBy} needs Java 17 or newer; java on the PATH says: ${text}`);
  return { major, text };
}
