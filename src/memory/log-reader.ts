/** Reads a log from its topic in memory, from the reader's own cursors: the hint is an offset and never the truth. */
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import { toLogEvent } from "../runtime/log-event.ts";
import type { Batch, Cursor, LogReader } from "../runtime/ports.ts";
import { wake } from "../runtime/wake.ts";
import type { Handle } from "./handle.ts";
import { checkRecord } from "./log-tails.ts";
import type { Broker, Topic, TopicRecord } from "./topic.ts";

/** How many of `available` next events a batch takes; for tests of batch cuts. At least 1. */
export type Cut = (available: number) => number;

export function memoryLogReader(broker: Broker, own: Handle, log: string, cut: Cut): LogReader {
  const closed = new AbortController();
  const changed = wake();
  const unsubscribe = broker.changed.on((name) => name === log && changed.signal());
  let busy = false;

  return {
    async fetch(cursors, { maxEvents, maxWaitMs, signal }) {
      if (busy) throw new Error("two fetches at a time");
      busy = true;
      const ending = AbortSignal.any([signal, closed.signal, own.dead]);
      const deadline = performance.now() + maxWaitMs;
      try {
        for (;;) {
          if (signal.aborted) return [];
          if (closed.signal.aborted) throw new TidemarkError("CLOSED", { what: `the reader of log '${log}'` });
          const ticket = changed.ticket();
          const batches = await own.run("fetch", { log, cursors }, () => {
            const topic = broker.topics.get(log);
            return topic === undefined
              ? []
              : next(topic, log, cursors, (available) => Math.min(maxEvents, available, cut(Math.min(maxEvents, available))));
          });
          if (batches.length > 0) return batches;
          const why = await changed.after(ticket, { maxWaitMs: Math.max(0, deadline - performance.now()), signal: ending });
          if (why === "timeout") return [];
        }
      } finally {
        busy = false;
      }
    },
    async close() {
      closed.abort();
      await unsubscribe();
    },
  };
}

/** A fault of one partition is told only where no partition has anything to give. @throws LOG_GAP, LOG_DIVERGED */
function next(topic: Topic, log: string, cursors: readonly Cursor[], cut: Cut): Batch[] {
  const faults: Error[] = [];
  const batches = cursors.flatMap((cursor) => {
    try {
      return nextOf(topic, log, cursor, cut);
    } catch (error) {
      faults.push(asError(error));
      return [];
    }
  });
  if (batches.length === 0 && faults[0] !== undefined) throw faults[0];
  return batches;
}

function nextOf(topic: Topic, log: string, cursor: Cursor, cut: Cut): Batch[] {
  const partition = topic.partitions[cursor.partition]!;
  const hint = cursor.hint === null ? null : Number(cursor.hint);
  const hinted = hint !== null && hint >= partition.start && hint <= partition.end;
  try {
    return taken(log, cursor, partition.from(hinted ? hint : 0), cut);
  } catch (error) {
    // the hint may have led astray: once more from the start
    if (!hinted || !isTidemarkError(error, "LOG_GAP")) throw error;
    return taken(log, cursor, partition.from(0), cut);
  }
}

function taken(log: string, cursor: Cursor, records: readonly TopicRecord[], cut: Cut): Batch[] {
  const good: TopicRecord[] = [];
  let fault: Error | null = null;
  const last = { position: cursor.position, id: cursor.eventId };
  for (const record of records) {
    try {
      checkRecord(log, cursor.partition, record, cursor.logId ?? good[0]?.logId ?? null);
      if (takeNext({ log, partition: cursor.partition, position: last.position, eventId: last.id }, [record.event]).length === 0) continue;
    } catch (error) {
      fault = asError(error);
      break;
    }
    good.push(record);
    last.position = record.event.position;
    last.id = record.event.id;
  }
  if (good.length === 0) {
    if (fault !== null) throw fault;
    return [];
  }
  const batch = good.slice(0, Math.max(1, cut(good.length)));
  const end = batch.at(-1)!;
  return [
    {
      partition: cursor.partition,
      events: batch.map((record) => toLogEvent(record.event)),
      next: {
        partition: cursor.partition,
        position: end.event.position,
        eventId: end.event.id,
        logId: end.logId,
        hint: String(end.offset + 1),
      },
    },
  ];
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
