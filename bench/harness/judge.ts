/** A case's runs as figures, proportions and goals. */
import type { Goal } from "../benchmark.ts";
import type { CaseResult, MeasuredRun } from "./run-case.ts";
import { median, ratio, type Summary, summary } from "./statistics.ts";

export interface JudgedGoal extends Goal {
  readonly figure: string;
  readonly value: number;
  readonly met: boolean;
}

export interface JudgedContender {
  readonly name: string;
  readonly figures: Readonly<Record<string, Summary>>;
  /** To the case's `against`, of each figure. */
  readonly ratios?: Readonly<Record<string, Summary>>;
  /** Share of the CPU time of the section, by who used it; undefined where it is unknown. */
  readonly cpuShare?: Readonly<Record<"self" | "children" | "postgres" | "kafka", number>>;
  /** Cores busy with it: CPU seconds for each second. */
  readonly cores?: number;
  /** CPU microseconds of all for each operation, and of this process alone. */
  readonly cpuMicros?: { readonly all: number | undefined; readonly self: number };
  readonly notes: Readonly<Record<string, string | number>>;
}

export interface JudgedCase {
  readonly name: string;
  readonly rounds: number;
  readonly against?: string;
  readonly contenders: readonly JudgedContender[];
  readonly goals: readonly JudgedGoal[];
}

export function judge(result: CaseResult): JudgedCase {
  const values = (contender: string, figure: string) => result.runs.get(contender)!.map((run) => run.figures[figure] ?? Number.NaN);
  const figures = [...result.runs.values()][0]!.flatMap((run) => Object.keys(run.figures));
  const names = [...new Set(figures)];
  const goals = (result.goals ?? []).map((goal): JudgedGoal => {
    const figure = goal.figure ?? names[0]!;
    const of = values(goal.of, figure);
    const value = goal.against === undefined ? median(of) : ratio(of, values(goal.against, figure)).median;
    return {
      ...goal,
      figure,
      value,
      met: value >= (goal.atLeast ?? Number.NEGATIVE_INFINITY) && value <= (goal.atMost ?? Number.POSITIVE_INFINITY),
    };
  });
  return {
    name: result.name,
    rounds: Math.max(...[...result.runs.values()].map((runs) => runs.length)),
    ...(result.against !== undefined && { against: result.against }),
    contenders: [...result.runs].map(([name, runs]) => ({
      name,
      figures: Object.fromEntries(names.map((figure) => [figure, summary(values(name, figure))])),
      ...(result.against !== undefined && {
        ratios: Object.fromEntries(names.map((figure) => [figure, ratio(values(name, figure), values(result.against!, figure))])),
      }),
      ...cpuOf(runs),
      notes: runs.at(-1)?.notes ?? {},
    })),
    goals,
  };
}

function cpuOf(runs: readonly MeasuredRun[]): Pick<JudgedContender, "cpuShare" | "cores" | "cpuMicros"> {
  const parts = ["self", "children", "postgres", "kafka"] as const;
  const known = runs.every(({ cpu }) => parts.every((part) => cpu[part] !== undefined));
  const total = ({ cpu }: MeasuredRun) => parts.reduce((sum, part) => sum + cpu[part]!, 0);
  const each = (count: (run: MeasuredRun) => number) => median(runs.map((run) => (1e6 * count(run)) / run.operations!));
  return {
    ...(known && {
      cpuShare: Object.fromEntries(parts.map((part) => [part, median(runs.map((run) => run.cpu[part]! / total(run)))])) as NonNullable<
        JudgedContender["cpuShare"]
      >,
      cores: median(runs.map((run) => total(run) / run.seconds)),
    }),
    ...(runs.every((run) => run.operations !== undefined) && {
      cpuMicros: { all: known ? each(total) : undefined, self: each(({ cpu }) => cpu.self) },
    }),
  };
}
