/** How far a topic's copy of a log goes, read from its last records as a relay reads them (I3). */
import { TidemarkError } from "../errors.ts";
import type { Tail } from "../runtime/ports.ts";
import type { Topic, TopicRecord } from "./topic.ts";

/** @throws LOG_DIVERGED for a record without our headers, or of another log id than `logId` (null: any) */
export function checkRecord(log: string, partition: number, record: TopicRecord, logId: string | null): void {
  if (record.logId === null) {
    throw new TidemarkError("LOG_DIVERGED", {
      log,
      partition,
      problem: `the record at offset ${record.offset} of partition ${partition} was not written by Tidemark: it lacks its headers`,
    });
  }
  if (logId !== null && record.logId !== logId) {
    throw new TidemarkError("LOG_DIVERGED", {
      log,
      partition,
      problem: `the record at offset ${record.offset} of partition ${partition} is of log id ${record.logId}, expected ${logId}`,
    });
  }
}

/** The highest position among the last `window` records. @throws LOG_DIVERGED */
export function tailOf(
  log: string,
  topic: Topic,
  partition: number,
  options: { readonly logId: string | null; readonly window: number },
): Tail {
  const records = topic.partitions[partition]!;
  let tail: Tail = { partition, position: 0, eventId: null, everWritten: records.end > 0 };
  for (const record of records.from(records.end - options.window)) {
    checkRecord(log, partition, record, options.logId);
    if (record.event.position > tail.position) tail = { ...tail, position: record.event.position, eventId: record.event.id };
  }
  return tail;
}
