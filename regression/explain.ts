/** The part of a history that a violation is about, short enough to read. */
import type { CommandRecord, Stores, Violation } from "./history.ts";

const limit = 12;

export function explain(violation: Violation, commands: readonly CommandRecord[], stores: Stores): string {
  const words = new Set(violation.text.split(/[\s(),:"/@]+/));
  const streams = new Set(
    stores.events.filter((e) => words.has(e.stream) || words.has(e.commandId) || words.has(e.id)).map((e) => e.stream),
  );
  const about = commands.filter(
    (c) =>
      words.has(c.key) ||
      c.path.split("/").some((part) => streams.has(part)) ||
      c.answers.some((a) => Object.values((a.body ?? {}) as Record<string, unknown>).some((v) => typeof v === "string" && streams.has(v))),
  );
  const asked = about
    .slice(-limit)
    .map(
      (c) =>
        `    ${c.client} ${c.kind} ${c.key} ${c.path}: ${c.unknown} without answer${c.answers.map((a) => `, ${a.status} ${a.code ?? JSON.stringify(a.body)}${a.replayed ? " (repeat)" : ""} from ${a.process}`).join("")}`,
    );
  const events = stores.events
    .filter((e) => streams.has(e.stream))
    .slice(-limit)
    .map((e) => `    ${e.log}/${e.partition}@${e.position} ${e.stream} v${e.version} ${e.type} ${e.data.slice(0, 120)}`);
  return [`  ${violation.kind}: ${violation.text.slice(0, 1_500)}`, ...asked, ...events].join("\n");
}
