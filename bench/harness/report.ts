/** What people read. */
import Table from "cli-table3";
import type { JudgedCase, JudgedContender, JudgedGoal } from "./judge.ts";
import type { Summary } from "./statistics.ts";

export function caseReport(each: JudgedCase): string {
  const table = new Table({
    head: ["contender", "figure", "median", "min - max", each.against === undefined ? "ratio" : `ratio to ${each.against}`, "CPU"],
    style: { head: [], border: [] },
  });
  for (const contender of each.contenders) {
    const figures = Object.entries(contender.figures);
    const lines = (cell: (figure: string, of: Summary) => string) => figures.map(([figure, of]) => cell(figure, of)).join("\n");
    table.push([
      contender.name,
      lines((figure) => figure),
      lines((_, of) => short(of.median)),
      lines((_, of) => `${short(of.min)} - ${short(of.max)}`),
      contender.name === each.against ? "" : lines((figure) => ratioText(contender.ratios?.[figure])),
      cpuText(contender),
    ]);
  }
  const goals = each.goals.map((goal) => `  ${goalText(goal)}`);
  return [`${each.name} (${each.rounds} rounds)`, table.toString(), ...each.contenders.flatMap(notesLine), ...goals].join("\n");
}

function notesLine({ name, notes }: JudgedContender): string[] {
  const pairs = Object.entries(notes).map((pair) => pair.join(" "));
  return pairs.length === 0 ? [] : [`  ${name}: ${pairs.join(", ")}`];
}

export function goalText(goal: JudgedGoal): string {
  const limit = goal.atLeast === undefined ? `<= ${goal.atMost}` : `>= ${goal.atLeast}`;
  const what = goal.against === undefined ? `${goal.of}, ${goal.figure}` : `${goal.of} / ${goal.against}, ${goal.figure}`;
  return `${goal.met ? "met    " : "NOT MET"} ${goal.row}: ${what}: ${short(goal.value)} (goal ${limit})`;
}

const ratioText = (of: Summary | undefined): string =>
  of === undefined ? "" : `${short(of.median)} (${short(of.min)} - ${short(of.max)})`;

function cpuText({ cpuShare, cores, cpuMicros }: JudgedContender): string {
  const micros = cpuMicros === undefined ? [] : [`${short(cpuMicros.all ?? Number.NaN)} us each, ${short(cpuMicros.self)} in this process`];
  if (cpuShare === undefined) return ["servers' part unknown", ...micros].join("\n");
  const names = { self: "this process", children: "children", postgres: "PostgreSQL", kafka: "Kafka" } as const;
  const shares = (["self", "children", "postgres", "kafka"] as const)
    .filter((part) => cpuShare[part] >= 0.005)
    .map((part) => `${names[part]} ${Math.round(cpuShare[part] * 100)}%`);
  return [`${shares.join(", ")} of ${short(cores!)} cores`, ...micros].join("\n");
}

/** Three digits that count. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return "unknown";
  const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(value) || 1)));
  return value.toLocaleString("en-US", { maximumFractionDigits: Math.min(digits, 3) });
}
