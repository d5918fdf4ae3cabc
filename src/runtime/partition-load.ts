/** The bulk load of one partition. */
import type { LogEvent } from "../core/message.ts";
import type { Checkpoint } from "./ports.ts";

/**
 * Folds a partition's events in memory and writes the documents now and then, with the checkpoint, in one transaction (I4); in stores that have none, before it.
 * Spent after anything but success: all that it holds is gone, and what is true is in the store (a failed flush may have been stored).
 */
export interface PartitionLoad {
  /** The events next after those added before; `to`: the checkpoint after them. One call at a time, and no flush begins meanwhile. @throws HANDLER_FAILED */
  add(events: readonly LogEvent[], to: Checkpoint): Promise<void>;
  /** What the next flush would write. Bytes are an estimate of the documents' JSON. */
  held(): { readonly documents: number; readonly bytes: number };
  /** Writes what was added before the call. Events may be added while it is under way; one flush at a time. "moved": as for `apply`. @throws HANDLER_FAILED */
  flush(): Promise<"applied" | "moved">;
  /** The last checkpoint that it knows to be stored. */
  readonly checkpoint: Checkpoint;
}
