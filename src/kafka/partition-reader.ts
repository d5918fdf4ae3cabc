import type { LogEvent } from "../core/message.ts";
/**
 * Where a reader stands in one partition, and what it has fetched beyond. No input or output: bytes come in, events go out.
 * What was fetched stays bytes until it is taken, so that read ahead costs no more than its bytes.
 */
import { isNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Batch, Cursor } from "../runtime/ports.ts";
import { type AbortedTransaction, nextOffsetOf, RecordCursor } from "./batch-decoder.ts";
import { RecordReader } from "./record-reading.ts";

export interface PartitionReader {
  /** The offset to fetch from; "start": the first one there is; null: enough is at hand. */
  readonly wants: number | "start" | null;
  /** What was fetched and not given out, and what it was fetched with. */
  readonly bytesAtHand: number;
  /** Goes where `cursor` says, unless it stands there. */
  seek(cursor: Cursor): void;
  /** @throws LOG_GAP, LOG_DIVERGED where the next record is none to go on with; after that it looks at the log again */
  check(): void;
  /** At most `max` next events. null: none at hand. @throws an Error for bytes that are no records; after that it looks at the log again */
  take(max: number): Batch | null;
  /** What a fetch from `wants` gave. @throws an Error for bytes that are no records */
  feed(bytes: Buffer, aborted: readonly AbortedTransaction[]): void;
  /** The answer to "start". */
  startAt(offset: number): void;
  /** The hint led astray (out of range, another topic): read from the start, once more. */
  restart(): void;
}

/** One that is being given out, and one ahead. */
const mostFetched = 2;

/**
 * @param logId what other partitions of the log have shown; a record of another log id is LOG_DIVERGED
 */
export function partitionReader(log: string, partition: number, logId: { known: string | null }): PartitionReader {
  let at: Cursor = { partition, position: -1, eventId: null, logId: null, hint: null };
  /** What was taken last. */
  const last = { log, partition, position: -1, eventId: null as string | null };
  const record = new RecordReader(log, partition);
  let fetched: RecordCursor[] = [];
  /** True where the first of `fetched` stands on a record that was not taken yet. */
  let held = false;
  /** After `fetched`. */
  let offset: number | "start" = "start";
  /** True where reading began at the start of the log, so that a gap is a gap and not a wrong hint. */
  let fromStart = false;
  /** True until the hint has shown a record. */
  let unproven = false;
  let fault: TidemarkError | null = null;

  const lookAgainFrom = (from: number | "start") => {
    fetched = [];
    held = false;
    offset = from;
  };
  const restart = () => {
    lookAgainFrom("start");
    fault = null;
    fromStart = true;
    unproven = false;
  };

  /** Up to `max` next events into `events`; what ends them early is thrown. */
  const read = (events: LogEvent[], max: number): void => {
    while (events.length < max) {
      const records = fetched[0];
      if (records === undefined) return;
      if (!held && !records.next()) {
        fetched.shift();
        continue;
      }
      held = true;
      record.place(records, at.logId ?? logId.known);
      logId.known ??= record.logId;
      if (isNext(last, record)) {
        events.push(record.event(records));
        last.position = record.position;
        last.eventId = record.id;
      }
      held = false;
    }
  };

  /** Where what was not taken begins. */
  const standing = () => {
    const records = fetched[0];
    return records === undefined ? offset : records.offset + (held ? 0 : 1);
  };
  /** Met `error` with nothing before it. */
  const stumble = (error: unknown): void => {
    const from = standing();
    lookAgainFrom(from);
    if (!isTidemarkError(error)) throw error;
    if (isTidemarkError(error, "LOG_GAP") && !fromStart) return restart();
    fault = isTidemarkError(error, "LOG_DIVERGED") ? new TidemarkError("LOG_DIVERGED", { ...error.details, partition }) : error;
  };

  return {
    get wants() {
      return fault !== null || fetched.length >= mostFetched ? null : offset;
    },
    get bytesAtHand() {
      let bytes = 0;
      for (const records of fetched) bytes += records.size;
      return bytes;
    },
    seek(cursor) {
      const same = cursor.position === at.position && agree(cursor.eventId, at.eventId) && agree(cursor.logId, at.logId);
      if (same) return;
      at = cursor;
      last.position = cursor.position;
      last.eventId = cursor.eventId;
      restart();
      const hint = cursor.hint === null || !/^\d{1,16}$/.test(cursor.hint) ? null : Number(cursor.hint);
      if (hint === null) return;
      // from the last event inclusive: it shows whether the hint is of this topic, also where nothing comes after it
      offset = Math.max(0, hint - 1);
      fromStart = false;
      unproven = hint > 0;
    },
    check() {
      if (fault === null) return;
      const error = fault;
      fault = null;
      throw error;
    },
    take(max) {
      if (fault !== null) return null;
      const events: LogEvent[] = [];
      try {
        read(events, max);
      } catch (error) {
        if (events.length === 0) stumble(error);
        // after what comes before it, it is met again
        else if (!held) lookAgainFrom(standing());
      }
      const end = events.at(-1);
      if (end === undefined) return null;
      at = { partition, position: end.position, eventId: end.id, logId: record.logId, hint: String(standing()) };
      return { partition, events, next: at };
    },
    feed(bytes, aborted) {
      if (offset === "start") return;
      if (bytes.length === 0) {
        if (unproven) restart();
        return;
      }
      unproven = false;
      const next = nextOffsetOf(bytes, offset);
      if (next === offset) return; // nothing but a cut batch
      fetched.push(new RecordCursor(bytes, offset, aborted));
      offset = next;
    },
    startAt(start) {
      if (offset === "start") offset = start;
    },
    restart,
  };
}

const agree = (a: string | null, b: string | null): boolean => a === null || b === null || a === b;
