import type { EventRow, Stores, Violation } from "./history.ts";

export interface CopyCheck {
  readonly violations: Violation[];
  /** Records that repeat a position: what a consumer has to skip. */
  readonly repeated: number;
}

/** Kafka is a copy (I2): in each partition the first occurrences are 1 … n in order, and every record is the event that the table holds there. */
export function checkCopy({ records, events, logs, heads }: Stores): CopyCheck {
  if (records === null) return { violations: [], repeated: 0 };
  const violations: Violation[] = [];
  const table = new Map<string, EventRow>(events.map((e) => [`${e.log}/${e.partition}@${e.position}`, e]));
  const logIds = new Map(logs.map((l) => [l.log, l.logId]));
  const last = new Map<string, number>();
  const stopped = new Set<string>();
  let repeated = 0;
  for (const record of records) {
    const partition = `${record.log}/${record.partition}`;
    const where = `${partition} offset ${record.offset}`;
    const position = last.get(partition) ?? 0;
    if (record.position <= position) repeated++;
    else if (record.position === position + 1) last.set(partition, record.position);
    else if (!stopped.has(partition)) {
      stopped.add(partition);
      violations.push({ kind: "copy", text: `${where}: position ${record.position} comes where ${position + 1} was next` });
    }
    const event = table.get(`${partition}@${record.position}`);
    if (event === undefined) violations.push({ kind: "copy", text: `${where}: position ${record.position} is not in the events table` });
    else if (event.id !== record.id || event.stream !== record.key || event.data !== record.value) {
      violations.push({
        kind: "copy",
        text: `${where}: is not the event at position ${record.position} (${event.id}, ${event.stream}), but ${record.id}, ${record.key}`,
      });
    }
    if (record.logId !== logIds.get(record.log))
      violations.push({ kind: "copy", text: `${where}: log id ${record.logId}, the log's is ${logIds.get(record.log)}` });
  }
  for (const head of heads) {
    const position = last.get(`${head.log}/${head.partition}`) ?? 0;
    if (position < head.position && !stopped.has(`${head.log}/${head.partition}`)) {
      violations.push({ kind: "copy", text: `${head.log}/${head.partition}: Kafka ends at ${position}, the table at ${head.position}` });
    }
  }
  return { violations, repeated };
}
