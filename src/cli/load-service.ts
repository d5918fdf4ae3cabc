/** Finds the user's service: the module that every process of it runs. */
import { existsSync, readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import type { Service } from "../service/index.ts";
import { UsageError } from "./output.ts";

const isService = (value: unknown): value is Service =>
  typeof value === "object" && value !== null && (value as { kind?: unknown }).kind === "service";

/** `--service`, else TIDEMARK_SERVICE, else `"tidemark": { "service": "./main.ts" }` in the package.json of the working folder. */
export async function loadService(given: string | undefined): Promise<Service> {
  const path = given ?? process.env["TIDEMARK_SERVICE"] ?? fromPackage();
  if (path === undefined) {
    throw new UsageError(
      'Which service? Say --service ./main.ts, set TIDEMARK_SERVICE, or put "tidemark": { "service": "./main.ts" } into package.json.',
    );
  }
  const file = resolve(path);
  if (!existsSync(file)) throw new UsageError(`The service module ${file} does not exist.`);
  const module = (await import(pathToFileURL(file).href)) as Record<string, unknown>;
  const services = Object.values(module).filter(isService);
  const [found] = services;
  if (found === undefined || services.length > 1)
    throw new UsageError(`${file} exports ${services.length} services; it must export one, made by service({ … }).`);
  return found;
}

function fromPackage(): string | undefined {
  const file = join(process.cwd(), "package.json");
  if (!existsSync(file)) return undefined;
  const { tidemark } = JSON.parse(readFileSync(file, "utf8")) as { tidemark?: { service?: unknown } };
  return typeof tidemark?.service === "string" ? tidemark.service : undefined;
}
