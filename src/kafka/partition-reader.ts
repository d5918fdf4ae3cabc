/** Where a reader stands in one partition, and what it has fetched beyond. No input or output: bytes come in, events go out. */
import { takeNext } from "../core/sequence.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Batch, Cursor } from "../runtime/ports.ts";
import { type AbortedTransaction, decodeBatches } from "./batch-decoder.ts";
import { readRecord, type ReadRecord } from "./record-reading.ts";

export interface PartitionReader {
  /** The offset to fetch from; "start": the first one there is; null: enough is at hand. */
  readonly wants: number | "start" | null;
  /** Goes where `cursor` says, unless it stands there. */
  seek(cursor: Cursor): void;
  /** @throws LOG_GAP, LOG_DIVERGED where the next record is none to go on with; after that it looks at the log again */
  check(): void;
  /** At most `max` next events. null: none at hand. */
  take(max: number): Batch | null;
  /** What a fetch from `wants` gave. */
  feed(bytes: Buffer, aborted: readonly AbortedTransaction[]): void;
  /** The answer to "start". */
  startAt(offset: number): void;
  /** The hint led astray (out of range, another topic): read from the start, once more. */
  restart(): void;
}

/**
 * @param logId what other partitions of the log have shown; a record of another log id is LOG_DIVERGED
 */
export function partitionReader(log: string, partition: number, logId: { known: string | null }): PartitionReader {
  let at: Cursor = { partition, position: -1, eventId: null, logId: null, hint: null };
  let ready: ReadRecord[] = [];
  let taken = 0;
  /** After `ready`. */
  let offset: number | "start" = "start";
  /** True where reading began at the start of the log, so that a gap is a gap and not a wrong hint. */
  let fromStart = false;
  /** True until the hint has shown a record. */
  let unproven = false;
  let fault: TidemarkError | null = null;

  const forget = () => {
    ready = [];
    taken = 0;
    fault = null;
  };
  const restart = () => {
    forget();
    offset = "start";
    fromStart = true;
    unproven = false;
  };
  const lastReady = () => ready.at(-1) ?? { position: at.position, id: at.eventId };

  /** Records up to the first that is no event of this log. */
  const read = (
    bytes: Buffer,
    from: number,
    aborted: readonly AbortedTransaction[],
  ): { readonly records: ReadRecord[]; readonly nextOffset: number } => {
    const { records: views, nextOffset } = decodeBatches(bytes, from, aborted);
    const records: ReadRecord[] = [];
    for (const view of views) {
      try {
        const record = readRecord(log, partition, view, at.logId ?? logId.known);
        logId.known ??= record.logId;
        records.push(record);
      } catch (error) {
        if (!isTidemarkError(error)) throw error;
        fault = error;
        return { records, nextOffset: view.offset };
      }
    }
    return { records, nextOffset };
  };

  /** The next ones of `records`; where they have a gap, those before it, and the offset of the record after the gap. */
  const next = (records: readonly ReadRecord[]): { readonly taken: ReadRecord[]; readonly gapAt: number | null } => {
    const last = { log, partition, position: lastReady().position, eventId: lastReady().id };
    try {
      return { taken: takeNext(last, records), gapAt: null };
    } catch (error) {
      if (!isTidemarkError(error)) throw error;
      if (isTidemarkError(error, "LOG_GAP")) {
        const cut = records.findIndex((record) => record.position === error.details.found);
        const before = takeNext(last, records.slice(0, cut));
        if (before.length === 0) fault = error;
        return { taken: before, gapAt: records[cut]!.offset };
      }
      fault = isTidemarkError(error, "LOG_DIVERGED") ? new TidemarkError("LOG_DIVERGED", { ...error.details, partition }) : error;
      return { taken: [], gapAt: records[0]!.offset };
    }
  };

  return {
    get wants() {
      return taken < ready.length || fault !== null ? null : offset;
    },
    seek(cursor) {
      const same = cursor.position === at.position && agree(cursor.eventId, at.eventId) && agree(cursor.logId, at.logId);
      if (same) return;
      at = cursor;
      restart();
      const hint = cursor.hint === null || !/^\d{1,16}$/.test(cursor.hint) ? null : Number(cursor.hint);
      if (hint === null) return;
      // from the last event inclusive: it shows whether the hint is of this topic, also where nothing comes after it
      offset = Math.max(0, hint - 1);
      fromStart = false;
      unproven = hint > 0;
    },
    check() {
      if (fault === null || taken < ready.length) return;
      const error = fault;
      fault = null;
      throw error;
    },
    take(max) {
      if (taken === ready.length) return null;
      const records = taken === 0 && ready.length <= max ? ready : ready.slice(taken, taken + max);
      taken += records.length;
      const last = records.at(-1)!;
      const hint = taken === ready.length && offset !== "start" ? offset : last.offset + 1;
      at = { partition, position: last.position, eventId: last.id, logId: last.logId, hint: String(hint) };
      if (taken === ready.length) {
        ready = [];
        taken = 0;
      }
      return { partition, events: records.map((record) => record.event), next: at };
    },
    feed(bytes, aborted) {
      if (offset === "start") return;
      if (bytes.length === 0) {
        if (unproven) restart();
        return;
      }
      unproven = false;
      const { records, nextOffset } = read(bytes, offset, aborted);
      const divergedAt = fault;
      const { taken: more, gapAt } = next(records);
      if (gapAt !== null) {
        if (fault !== null && isTidemarkError(fault, "LOG_GAP") && !fromStart) return restart();
        // a fault further on is met again, when what is before it has been dealt with
        if (more.length > 0 && divergedAt !== null) fault = null;
      }
      ready = more;
      taken = 0;
      offset = gapAt ?? nextOffset;
    },
    startAt(start) {
      if (offset === "start") offset = start;
    },
    restart,
  };
}

const agree = (a: string | null, b: string | null): boolean => a === null || b === null || a === b;
