import { readFileSync } from "node:fs";

/** Of the broker that `scripts/services` starts, as its pom.xml names it. */
export function kafkaVersion(): string {
  const pom = readFileSync(new URL("../../scripts/services/kafka/pom.xml", import.meta.url), "utf8");
  return /<kafka\.version>([^<]+)</.exec(pom)?.[1] ?? "unknown";
}
