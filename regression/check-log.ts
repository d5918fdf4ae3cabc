import { partitionOf } from "../src/core/partition.ts";
import type { EventRow, Stores, Violation } from "./history.ts";

const groupBy = <T>(items: readonly T[], key: (item: T) => string): Map<string, T[]> => {
  const groups = new Map<string, T[]>();
  for (const item of items) {
    const list = groups.get(key(item));
    if (list === undefined) groups.set(key(item), [item]);
    else list.push(item);
  }
  return groups;
};

const at = (e: EventRow) => `${e.log}/${e.partition}@${e.position}`;

/** The events and commands tables alone: positions dense, versions gapless and in the order of positions, one command id one effect (I1, I6). */
export function checkLog(stores: Stores): Violation[] {
  return [...checkPositions(stores), ...checkStreams(stores), ...checkCommandIds(stores)];
}

function checkPositions({ events, heads }: Stores): Violation[] {
  const found: Violation[] = [];
  const partitions = groupBy(events, (e) => `${e.log}/${e.partition}`);
  for (const [name, list] of partitions) {
    const positions = list.map((e) => e.position).toSorted((a, b) => a - b);
    const wrong = positions.findIndex((position, i) => position !== i + 1);
    if (wrong >= 0) found.push({ kind: "positions", text: `${name}: position ${wrong + 1} expected, ${positions[wrong]} found` });
  }
  for (const head of heads) {
    const list = partitions.get(`${head.log}/${head.partition}`) ?? [];
    const last = list.reduce((max, e) => Math.max(max, e.position), 0);
    if (last !== head.position)
      found.push({ kind: "heads", text: `${head.log}/${head.partition}: head ${head.position}, last event at ${last}` });
  }
  const ids = new Map<string, EventRow>();
  for (const event of events) {
    const other = ids.get(event.id);
    if (other !== undefined) found.push({ kind: "doubled", text: `event id ${event.id} stands at ${at(other)} and at ${at(event)}` });
    ids.set(event.id, event);
  }
  return found;
}

function checkStreams({ events, logs }: Stores): Violation[] {
  const found: Violation[] = [];
  const partitionsOf = new Map(logs.map((l) => [l.log, l.partitions]));
  for (const [name, list] of groupBy(events, (e) => `${e.log} ${e.stream}`)) {
    const first = list[0]!;
    const right = partitionOf(first.stream, partitionsOf.get(first.log) ?? 1);
    const astray = list.find((e) => e.partition !== right);
    if (astray !== undefined) found.push({ kind: "order", text: `${name}: ${at(astray)} is not in the stream's partition ${right}` });
    const versions = list.map((e) => e.version).toSorted((a, b) => a - b);
    const gap = versions.findIndex((version, i) => version !== i + 1);
    if (gap >= 0) {
      found.push({ kind: "versions", text: `${name}: version ${gap + 1} expected, ${versions[gap]} found` });
      continue;
    }
    const byPosition = list.toSorted((a, b) => a.position - b.position);
    const wrong = byPosition.findIndex((e, i) => e.version !== i + 1);
    if (wrong >= 0)
      found.push({
        kind: "order",
        text: `${name}: ${at(byPosition[wrong]!)} holds version ${byPosition[wrong]!.version}, ${wrong + 1} was next`,
      });
  }
  return found;
}

function checkCommandIds({ events, commands }: Stores): Violation[] {
  const found: Violation[] = [];
  const stored = new Map(commands.map((c) => [c.commandId, c]));
  const effects = groupBy(events, (e) => e.commandId);
  for (const [id, list] of effects) {
    const sorted = list.toSorted((a, b) => a.version - b.version);
    const [first, last] = [sorted[0]!, sorted.at(-1)!];
    const torn = sorted.some((e, i) => e.log !== first.log || e.stream !== first.stream || e.version !== first.version + i);
    if (torn)
      found.push({
        kind: "doubled",
        text: `command ${id} has several effects: ${sorted.map((e) => `${e.stream} v${e.version} ${e.type}`).join(", ")}`,
      });
    const answer = stored.get(id);
    if (answer === undefined)
      found.push({ kind: "stored-answer", text: `${at(last)} comes from command ${id}, which has no stored answer` });
    else if (!answer.withEvents || answer.stream !== last.stream || answer.version !== last.version) {
      found.push({
        kind: "stored-answer",
        text: `command ${id}: stored ${answer.stream} v${answer.version}, its last event is ${last.stream} v${last.version}`,
      });
    }
  }
  for (const command of commands) {
    if (command.withEvents && !effects.has(command.commandId)) {
      found.push({
        kind: "lost",
        text: `command ${command.commandId} (${command.stream} v${command.version}) has a stored answer and no events`,
      });
    }
  }
  return found;
}
