import type { Report } from "./checker.ts";
/** Lines for people. */
import type { Violation } from "./history.ts";
import type { RoundResult } from "./round.ts";

export const say = (line: string): void => void process.stdout.write(`${line}\n`);
export const seconds = (ms: number): string => `${(ms / 1_000).toFixed(1)} s`;

/** `before`: the report of the round before, since a report counts everything that was ever written. */
export function lineOf(n: number, { name, report, kills, history, violations, heldMs, ms }: RoundResult, before: Report | null): string {
  const news = (key: "commands" | "accepted" | "rejected" | "events" | "repeated") => report[key] - (before?.[key] ?? 0);
  const unknown = history.commands.reduce((sum, c) => sum + c.unknown, 0);
  return [
    `round ${n} (${name})`,
    `${news("commands")} commands (${news("accepted")} accepted, ${news("rejected")} rejected, ${unknown} attempts without answer)`,
    `${news("events")} events`,
    `kills: command+relay ${kills.command}, projection ${kills.projection}, query ${kills.query}, frozen ${kills.freeze}`,
    `${news("repeated")} duplicates skipped`,
    `${report.reads} reads checked, ${report.readsRefused} refused as late`,
    `transaction held ${seconds(heldMs)}`,
    `${violations.length} violations`,
    seconds(ms),
  ].join(" · ");
}

/** The first ones in full. */
export function tell(violations: readonly Violation[], explained: (violation: Violation) => string): void {
  for (const violation of violations.slice(0, 8)) say(explained(violation));
  if (violations.length > 8) say(`  … and ${violations.length - 8} more`);
}
