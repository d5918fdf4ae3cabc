/** npm run bench [-- name …] [--quick] [--large] [--rounds N] [--json file]: see bench/README.md. */
import { readdirSync } from "node:fs";
import { parseArgs } from "node:util";
import type { Benchmark } from "./benchmark.ts";
import { runBenchmarks } from "./harness/run-benchmarks.ts";

const folder = new URL("./benchmarks/", import.meta.url);
/** Five minutes, less what the last benchmark may take beyond what it says, and the servers' end. */
const quickLimitSeconds = 280;
const isQuick = ({ quickSeconds }: Benchmark): boolean => quickSeconds !== undefined;
const say = (line: string): void => console.error(line);

async function main(): Promise<number> {
  const { values, positionals } = parseArgs({
    options: {
      quick: { type: "boolean", default: false },
      large: { type: "boolean", default: false },
      rounds: { type: "string" },
      json: { type: "string" },
    },
    allowPositionals: true,
  });
  const known = readdirSync(folder)
    .filter((file) => /^[a-z0-9-]+\.ts$/.test(file))
    .map((file) => file.slice(0, -3))
    .toSorted();
  const unknown = positionals.find((name) => !known.includes(name));
  if (unknown !== undefined) {
    say(`There is no benchmark '${unknown}': ${known.join(", ")}`);
    return 2;
  }
  const rounds = Number(values.rounds ?? (values.quick ? 1 : 3));
  if (!Number.isInteger(rounds) || rounds < 1) {
    say(`--rounds ${values.rounds}: it must be a whole number from 1`);
    return 2;
  }
  const named = positionals.length > 0;
  const loaded = await Promise.all(
    (named ? positionals : known).map(
      async (name) => ((await import(new URL(`${name}.ts`, folder).href)) as { readonly default: Benchmark }).default,
    ),
  );
  const limited = values.quick && !named;
  const [benchmarks, long] = limited ? [loaded.filter(isQuick), loaded.filter((each) => !isQuick(each))] : [loaded, []];
  for (const { name } of long) console.log(`left out of a quick run, since it takes minutes: ${name} (npm run bench -- ${name} --quick)`);
  await runBenchmarks(benchmarks, {
    ...values,
    rounds,
    say,
    print: console.log,
    command: process.argv.slice(2),
    ...(limited && { limitSeconds: quickLimitSeconds }),
  });
  return 0;
}

// A wrong run is a failed command: figures of wrong work say nothing.
let code: number;
try {
  code = await main();
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  code = 1;
}
// pools of opponents may be left open by a run that failed
process.exit(code);
