/** What each benchmark took, as people read it. */
import Table from "cli-table3";

export interface TimesOf {
  readonly name: string;
  readonly seconds: number;
  /** What it says that it takes in a quick run. */
  readonly expectedSeconds?: number;
}

export function timesReport(done: readonly TimesOf[]): string {
  const expected = done.some(({ expectedSeconds }) => expectedSeconds !== undefined);
  const table = new Table({ head: ["benchmark", "took, s", ...(expected ? ["expected, s"] : [])], style: { head: [], border: [] } });
  for (const { name, seconds, expectedSeconds } of done)
    table.push([name, seconds.toFixed(1), ...(expected ? [expectedSeconds === undefined ? "" : String(expectedSeconds)] : [])]);
  return `${done.length === 0 ? "" : `${table.toString()}\n`}${(performance.now() / 1_000).toFixed(0)} s in all, with the servers' start`;
}

export const leftOutText = (name: string, limitSeconds: number): string =>
  `LEFT OUT ${name}: it is likely not to be through within the ${limitSeconds} s of this run; npm run bench -- ${name} --quick`;
