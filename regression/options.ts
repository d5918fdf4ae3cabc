import { parseArgs } from "node:util";

export interface Options {
  readonly rounds: number;
  readonly seed: number;
  readonly only: ReadonlySet<string>;
  /** Of load in each round. */
  readonly loadMs: number;
  readonly clients: number;
  readonly keepLogs: boolean;
  /** Folder for data and logs of this run. */
  readonly dir: string;
}

export const scenarios = ["kills", "zombies", "broker", "postgres", "relays", "older", "embedded"] as const;

/** All but `embedded` by default. @throws for an unknown option, scenario or number */
export function readOptions(args: readonly string[], dir: string): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      "rounds": { type: "string", default: "8" },
      "seed": { type: "string", default: String(Date.now() % 1_000_000) },
      "only": { type: "string", default: scenarios.filter((s) => s !== "embedded").join(",") },
      "seconds": { type: "string", default: "12" },
      "clients": { type: "string", default: "24" },
      "keep-logs": { type: "boolean", default: false },
    },
  });
  const whole = (name: "rounds" | "seed" | "seconds" | "clients") => {
    const number = Number(values[name]);
    if (!Number.isSafeInteger(number) || number < 0) throw new Error(`--${name} must be a whole number, found '${values[name]}'.`);
    return number;
  };
  const only = new Set(values.only.split(","));
  for (const name of only)
    if (!(scenarios as readonly string[]).includes(name)) throw new Error(`--only knows ${scenarios.join(", ")}, found '${name}'.`);
  return {
    rounds: whole("rounds"),
    seed: whole("seed"),
    only,
    loadMs: whole("seconds") * 1_000,
    clients: whole("clients"),
    keepLogs: values["keep-logs"],
    dir,
  };
}
