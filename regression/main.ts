/**
 * `npm run regression -- [--rounds 8] [--seed n] [--only kills,zombies,broker,postgres,relays,older] [--seconds 10] [--clients 24] [--keep-logs]`
 * Rounds of kill -9 under load on real PostgreSQL and Kafka, then every other disturbance once; the history checker after each.
 * `--only embedded`: the embedded form, killed `--rounds` times on one data folder.
 * Exit code 1 at any violation, with the seed and the part of the history that it is about.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { killEmbedded } from "./embedded.ts";
import { explain } from "./explain.ts";
import type { Options } from "./options.ts";
import { readOptions } from "./options.ts";
import { say, seconds, tell } from "./output.ts";
import { production } from "./production.ts";

const options = readOptions(process.argv.slice(2), mkdtempSync(join(tmpdir(), "tidemark-regression-")));
say(`regression: seed ${options.seed}, ${options.clients} clients, logs in ${options.dir}`);
const right = [
  ...(options.only.has("embedded") ? [await embedded(options)] : []),
  ...(options.only.size > (options.only.has("embedded") ? 1 : 0) ? [await production(options)] : []),
].every(Boolean);
if (right && !options.keepLogs) rmSync(options.dir, { recursive: true, force: true });
else
  say(
    `Logs of the processes: ${options.dir}. Again: npm run regression -- --seed ${options.seed} --rounds ${options.rounds} --only ${[...options.only].join(",")}`,
  );
process.exitCode = right ? 0 : 1;

async function embedded({ dir, rounds, seed, clients }: Options): Promise<boolean> {
  const started = performance.now();
  const { report, violations, history, stores, code, second } = await killEmbedded({ dir, kills: rounds, seed, clients });
  const refused = second.code === 1 && second.output.includes("DATA_FOLDER_IN_USE");
  say(
    [
      `embedded: killed ${rounds} times`,
      `${report.commands} commands, ${report.accepted} accepted, ${report.rejected} rejected`,
      `${report.events} events`,
      `${report.reads} reads checked`,
      `a second process ${refused ? "was refused by name" : `was not refused: ${second.output}`}`,
      `Ctrl-C: code ${code}`,
      `${violations.length} violations`,
      seconds(performance.now() - started),
    ].join(" · "),
  );
  tell(violations, (violation) => explain(violation, history.commands, stores));
  return violations.length === 0 && refused && code === 0;
}
