/** One partition of a bulk load: what was read of it, what is being written, and how it goes on when its load is spent. */
import { isTidemarkError } from "../errors.ts";
import type { Batch, Checkpoint, PartitionLoad, ViewProjection } from "./ports.ts";

export interface BulkPartitionOptions {
  readonly projection: ViewProjection;
  readonly start: Checkpoint;
  /** The position to which it is loaded in bulk. */
  readonly target: number;
  /** How much that was written is kept to spare reading it again. */
  readonly keep: { readonly documents: number; readonly bytes: number };
  readonly onStored: (checkpoint: Checkpoint) => void;
  /** It may pass: the partition reads again from the store's checkpoint. */
  readonly onTrouble: (what: string, error: unknown) => void;
  /** The rest is for the ordinary feed. "warn": after writes that failed again and again. */
  readonly onLeft: (why: unknown, level: "info" | "warn") => void;
}

/** Without progress in the store; what fails so often may fit in the feed's smaller batches. */
const mostFailures = 5;
const nothing = { documents: 0, bytes: 0 };

export interface BulkPartition {
  readonly partition: number;
  /** Where to read on; another object after each change. */
  readonly cursor: Checkpoint;
  /** There is more to read, and it can be taken. */
  readonly wants: boolean;
  /** Everything is stored as far as it goes in bulk, or it was left to the feed. */
  readonly done: boolean;
  readonly spent: boolean;
  readonly flushing: boolean;
  /** What the next flush would write. */
  held(): { readonly documents: number; readonly bytes: number };
  /** What the flush under way writes. */
  readonly writing: { readonly documents: number; readonly bytes: number };
  /** How many events were taken and are not stored. */
  readonly behind: number;
  /** Does nothing once the partition is spent or left. `to`: the cursor after it. */
  take(batch: Batch, to: Checkpoint): Promise<void>;
  /** The log cannot be read on: what was read before is stored, the rest is the feed's. */
  block(): void;
  /** Never throws. */
  flush(): Promise<void>;
  /** Goes on from what the store says. Never throws; false where the store did not answer. */
  reload(): Promise<boolean>;
}

/** null where this log of the view is not loaded in bulk, or has nothing to load. */
export function bulkPartition(options: BulkPartitionOptions): BulkPartition | null {
  const { projection, start, target, keep, onStored, onTrouble, onLeft } = options;
  const { log, partition } = start;
  const begin = (from: Checkpoint): PartitionLoad | null => projection.load?.(from, { keep }) ?? null;
  const first = start.position < target ? begin(start) : null;
  if (first === null) return null;
  let load: PartitionLoad = first;
  /** As last known to be stored. */
  let stored = start;
  let cursor = start;
  let spent: "failed" | "moved" | null = null;
  let flushing: Promise<void> | null = null;
  let writing = nothing;
  /** In a row, since the store's checkpoint moved. */
  let failures = 0;
  let blocked = false;
  let left = false;

  const leave = (why: unknown, level: "info" | "warn" = "info"): void => {
    if (left) return;
    left = true;
    onLeft(why, level);
  };
  const fail = (what: string, error: unknown): void => {
    // which event it is, and what comes before it, the ordinary apply finds out
    if (isTidemarkError(error, "HANDLER_FAILED") || isTidemarkError(error, "GENERATION_MOVED")) return leave(error);
    if (spent === null) onTrouble(what, error);
    spent ??= "failed";
  };
  /** Of a load that was good: one that is spent already fails for no reason of its own. */
  const failOnce = (what: string, error: unknown): void => {
    if (spent === null) failures += 1;
    fail(what, error);
    if (failures >= mostFailures) leave(error, "warn");
  };
  const write = async (): Promise<void> => {
    try {
      if ((await load.flush()) === "moved") spent = "moved";
      else if (stored !== load.checkpoint) {
        stored = load.checkpoint;
        failures = 0;
        onStored(stored);
      }
    } catch (error) {
      failOnce("documents were not written", error);
    } finally {
      flushing = null;
      writing = nothing;
    }
  };

  return {
    partition,
    get cursor() {
      return cursor;
    },
    get wants() {
      return !left && !blocked && spent === null && cursor.position < target;
    },
    get done() {
      return left || (spent === null && flushing === null && stored.position === cursor.position && (blocked || stored.position >= target));
    },
    get spent() {
      return spent !== null;
    },
    get flushing() {
      return flushing !== null;
    },
    held: () => (left || spent !== null ? nothing : load.held()),
    get writing() {
      return writing;
    },
    get behind() {
      return left || spent !== null ? 0 : cursor.position - stored.position;
    },
    async take(batch, to) {
      if (left || spent !== null) return;
      try {
        await load.add(batch.events, to);
        cursor = to;
      } catch (error) {
        failOnce("events were not taken", error);
      }
    },
    block() {
      blocked = true;
    },
    flush() {
      if (flushing === null && spent === null && !left) {
        writing = load.held();
        flushing = write();
      }
      return flushing ?? Promise.resolve();
    },
    async reload() {
      await flushing;
      try {
        const now = await projection.checkpoint(log, partition);
        // refused, though nobody moved it: the generation is not this release's to fill any more
        if (spent === "moved" && now.position === stored.position && now.eventId === stored.eventId) {
          leave("it is no longer fed by this release");
          return true;
        }
        const next = begin(now);
        if (next === null) leave("it is not loaded in bulk");
        else {
          // a write that failed may have been stored
          if (now.position > stored.position) failures = 0;
          load = next;
          stored = cursor = now;
          spent = null;
        }
        return true;
      } catch (error) {
        fail("the checkpoint cannot be read", error);
        return false;
      }
    },
  };
}
