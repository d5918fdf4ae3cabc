/** The first lines that a newcomer sees: where it answers, and one line to try. */
import { styleText } from "node:util";
import type { App, Service } from "./service.ts";
import { isWhole } from "./settings.ts";

/** null where this process is one of several: its output is for machines. */
export function banner({ options }: Service, { url, settings }: App): string | null {
  if (url === null || !isWhole(settings)) return null;
  const where = (real: boolean, name: string, embedded: string) => (real ? name : embedded);
  const parts = [
    where(settings.databaseUrl !== null, "PostgreSQL", `embedded in ${settings.dataFolder}`),
    where(settings.kafkaBrokers !== null, "Kafka", "the events table itself"),
    where(settings.readDatabaseUrl !== null, "PostgreSQL", `embedded in ${settings.dataFolder}`),
  ];
  const example = options.http?.example;
  return [
    `${styleText("bold", options.name)} answers at ${styleText("bold", url)}   API: ${url}/docs`,
    ...(example === undefined ? [] : ["Try it:", `  ${example.replaceAll("{url}", url)}`]),
    `writes: ${parts[0]} · transport: ${parts[1]} · views: ${parts[2]} · Ctrl-C stops`,
    "",
  ].join("\n");
}
