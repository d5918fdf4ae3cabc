/** The command line: one verb a file; `--json` and `--help` on each. */
import { createRequire } from "node:module";
import { Command, CommanderError } from "commander";
import { run } from "../service/index.ts";
import { loadService } from "./load-service.ts";
import { exitCodeHelp, exitCodes, fail, print } from "./output.ts";
import { rebuildCommand } from "./rebuild.ts";
import { statusCommand } from "./status.ts";

const settingsHelp = `
Settings come from the environment: DATABASE_URL, READ_DATABASE_URL, KAFKA_BROKERS, MONGODB_URL, CLICKHOUSE_URL, ELASTICSEARCH_URL,
TIDEMARK_DATA, TIDEMARK_PARTITIONS, TIDEMARK_ROLES, TIDEMARK_PREFIX, TIDEMARK_MIGRATE, PORT, HOST, LOG_LEVEL. Every part is embedded where its variable is unset.`;

/** Answers the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  let code: number = exitCodes.ok;
  const json = args.includes("--json");
  const { version } = createRequire(import.meta.url)("tidemark/package.json") as { version: string };
  const program = new Command("tidemark")
    .description("Runs and operates a Tidemark service.")
    .version(version)
    .exitOverride()
    .addHelpText("after", settingsHelp + exitCodeHelp);
  const verb = (name: string, description: string, example: string) =>
    program
      .command(name)
      .description(description)
      .option("--service <module>", "the module that exports the service (else TIDEMARK_SERVICE, else package.json)")
      .option("--json", "one JSON document on standard output", false)
      .exitOverride()
      .addHelpText("after", `\nExample:\n  ${example}\n${exitCodeHelp}`);

  verb(
    "start",
    "Starts the service with the roles and parts that the environment says, until a signal.",
    "TIDEMARK_ROLES=command,relay DATABASE_URL=postgres://… KAFKA_BROKERS=127.0.0.1:9092 tidemark start --service ./main.ts",
  ).action(async ({ service }: { service?: string }) => run(await loadService(service)));
  verb(
    "migrate",
    "Creates or updates the tables of the databases that this process's roles use, and ends.",
    "DATABASE_URL=postgres://… tidemark migrate --service ./main.ts",
  ).action(async (options: { service?: string; json: boolean }) => {
    const done = await (await loadService(options.service)).migrate();
    print(options.json, done, () => `Up to date: ${done.databases.join(", ")}.`);
  });
  verb(
    "status",
    "Where every projection stands: positions, lag in events and in time, what stands still.",
    "tidemark status --service ./main.ts --json",
  ).action(async (options: { service?: string; json: boolean }) => {
    code = await statusCommand(await loadService(options.service), options);
  });
  verb(
    "rebuild <view>",
    "Builds a new generation of a view beside the live one and switches to it.",
    "tidemark rebuild order_summaries --service ./main.ts --from events",
  )
    .option(
      "--from <source>",
      "what is read: 'events', the events table (needs DATABASE_URL), or 'log', Kafka; what the projections read unless given",
    )
    .action(async (view: string, options: { service?: string; json: boolean; from?: string }) => {
      code = await rebuildCommand(await loadService(options.service), view, options);
    });

  try {
    await program.parseAsync([...args], { from: "user" });
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? exitCodes.ok : exitCodes.usage;
    return fail(json, error);
  }
  return code;
}
