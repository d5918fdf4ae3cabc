import Table from "cli-table3";
import { operator, type ProjectionReport, type Service, type StatusReport } from "../service/index.ts";
import { exitCodes, print } from "./output.ts";

/** Where every projection stands. Exit code 3 where a partition of one stands still. */
export async function statusCommand(service: Service, { json }: { json: boolean }): Promise<number> {
  const report = await operator(service, process.env).status();
  print(json, report, () => render(report));
  return report.projections.some((projection) => projection.failures.length > 0) ? exitCodes.unhealthy : exitCodes.ok;
}

const known = (value: number | null, unit = "") => (value === null ? "unknown" : `${value}${unit}`);

function render({ projections, relays, commands }: StatusReport): string {
  if (projections.length === 0) return "No projection has been started yet.";
  const table = new Table({
    head: ["projection", "generation", "state", "position / end", "lag (events)", "lag (time)"],
    style: { head: [], border: [] },
  });
  for (const p of projections)
    table.push([
      p.view,
      `${p.generation} (version ${p.version})`,
      p.failures.length > 0 ? `${p.state}, STANDS STILL` : p.state,
      positions(p),
      known(p.lagEvents),
      known(p.lagSeconds, " s"),
    ]);
  const failures = projections.flatMap((p) =>
    p.failures.map(
      (f) =>
        `${p.view}, generation ${p.generation}, log ${f.log}, partition ${f.partition}, position ${f.position}, since ${f.at}:\n  ${f.problem}`,
    ),
  );
  const relaying = relays.map(
    (r) =>
      `relay of log ${r.log}: ${r.state}${r.partitions.length === 0 ? "" : `, partitions ${r.partitions.join(", ")}`}${r.problem === null ? "" : ` (${r.problem})`}`,
  );
  return [table.toString(), ...relaying, ...commandLines(commands), ...failures].join("\n");
}

const commandLines = (commands: StatusReport["commands"]): string[] =>
  [...new Set(commands.map((each) => each.log))].map((log) => {
    const own = commands.filter((each) => each.log === log);
    const lag = own.every((each) => each.lag !== null) ? own.reduce((sum, each) => sum + (each.lag ?? 0), 0) : null;
    const places = own.map((each) => `${each.partition}: ${each.position}/${each.end ?? "?"}`).join(", ");
    const problems = own.filter((each) => each.problem !== null).map((each) => `; partition ${each.partition}: ${each.problem}`);
    return `commands of log ${log}: ${known(lag)} waiting (${places})${problems.join("")}`;
  });

function positions({ partitions }: ProjectionReport): string {
  const logs = [...new Set(partitions.map((p) => p.log))];
  return logs
    .map(
      (log) =>
        `${log}: ${partitions
          .filter((p) => p.log === log)
          .map((p) => `${p.position}/${p.end ?? "?"}`)
          .join(" ")}`,
    )
    .join("\n");
}
