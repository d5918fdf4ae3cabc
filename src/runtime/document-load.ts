/**
 * A bulk load of one partition into a store without transactions, of a view that is keyed by stream: events are folded in memory, each document is written once
 * for many of them, and the checkpoint follows (I4). Rows say what they have seen, so a load that ended anywhere is done again without harm.
 */
import type { LogEvent } from "../core/message.ts";
import { checkKey, type DocumentTarget, isBorn } from "./document-apply.ts";
import { foldedOf, type Held, writeHeld } from "./document-load-write.ts";
import { foldEvents, nothing, touchedBy } from "./fold-batch.ts";
import type { Checkpoint, PartitionLoad } from "./ports.ts";

export interface DocumentLoadOptions {
  /** How much that was written is kept. */
  readonly keep: { readonly documents: number; readonly bytes: number };
  /** Writes what `write` writes, and moves the checkpoint after it. */
  readonly step: (from: Checkpoint, to: Checkpoint, write: () => Promise<void>) => Promise<"applied" | "moved">;
}

/** One document in so many is measured. */
const sampledEach = 256;

export function documentLoad(target: DocumentTarget, start: Checkpoint, { keep, step }: DocumentLoadOptions): PartitionLoad {
  const { view, generation } = target;
  const source = `${start.log}/${start.partition}`;
  let checkpoint = start;
  let reached = start;
  /** Changed since the last flush began. */
  let dirty = new Map<string, Held>();
  /** What the flush under way writes. */
  let flushing: ReadonlyMap<string, Held> = new Map();
  /** As they are in the store, the oldest first. */
  let clean = new Map<string, Held>();
  let spent = false;
  let count = 0;
  let bytesEach = 0;

  const live = (): void => {
    if (spent) throw new Error(`the load of ${source} is spent`);
  };
  const drop = (): void => {
    spent = true;
    dirty = new Map();
    flushing = new Map();
    clean = new Map();
  };
  const knownOf = (key: string): Held | undefined => dirty.get(key) ?? flushing.get(key) ?? clean.get(key);

  /** Documents that may be there and are not known. */
  async function read(touched: ReadonlyMap<string, readonly LogEvent[]>): Promise<void> {
    // before a stream's first event there is none: if there is one all the same, its write is lost and it is read
    const wanted = [...touched].flatMap(([key, events]) => (events[0]!.version === 1 || knownOf(key) !== undefined ? [] : [key]));
    if (wanted.length === 0) return;
    const rows = await generation.own.read(wanted);
    if (wanted.some((key) => !rows.has(key))) await target.check();
    live(); // a flush may have failed meanwhile
    for (const [key, row] of rows) {
      clean.set(key, { key, folded: foldedOf(row), seen: row.seen[source] ?? 0, edition: row.edition, born: true });
    }
  }

  /** `before`: as it was known before the rest was read; a flush that ended meanwhile may have made room. */
  function fold(key: string, events: readonly LogEvent[], before: Held | undefined): void {
    const known = knownOf(key) ?? before ?? { key, folded: nothing, seen: 0, edition: 0, born: false };
    const fresh = events.filter(({ position }) => position > known.seen);
    const last = fresh.at(-1);
    if (last === undefined) return;
    const folded = foldEvents(view, key, fresh, known.folded, view.name);
    clean.delete(key);
    const born = known.born || folded.document !== null || isBorn(view, key, fresh, view.name);
    dirty.set(key, { key, folded, seen: last.position, edition: known.edition, born, last });
    count += 1;
    if (folded.document === null || (bytesEach > 0 && count % sampledEach > 0)) return;
    const bytes = JSON.stringify(folded.document).length;
    bytesEach = bytesEach === 0 ? bytes : bytesEach * 0.9 + bytes * 0.1;
  }

  /** What was written has another edition now, also under what was folded meanwhile. */
  function settle(written: ReadonlyMap<string, Held>): void {
    for (const [key, held] of written) {
      const newer = dirty.get(key);
      if (newer !== undefined && newer.seen > held.seen) newer.edition = held.edition;
      else {
        // what was folded meanwhile has somebody else stored already, and more
        dirty.delete(key);
        clean.set(key, held);
      }
    }
    flushing = new Map();
    const most = Math.min(keep.documents, Math.floor(keep.bytes / Math.max(1, bytesEach)));
    for (const key of clean.keys()) {
      if (clean.size <= most) break;
      clean.delete(key);
    }
  }

  return {
    get checkpoint() {
      return checkpoint;
    },
    held: () => ({ documents: dirty.size, bytes: Math.round(dirty.size * bytesEach) }),
    async add(events, to) {
      live();
      try {
        const touched = touchedBy(view, events, view.name, checkKey);
        const before = new Map([...touched.keys()].map((key) => [key, knownOf(key)]));
        await read(touched);
        for (const [key, own] of touched) fold(key, own, before.get(key));
        reached = to;
      } catch (error) {
        drop();
        throw error;
      }
    },
    async flush() {
      live();
      if (reached.position === checkpoint.position) return "applied";
      const to = reached;
      const written = dirty;
      flushing = written;
      dirty = new Map();
      try {
        const outcome = await step(checkpoint, to, () => writeHeld(target, source, [...written.values()]));
        if (outcome === "moved") {
          drop();
          return outcome;
        }
      } catch (error) {
        drop();
        throw error;
      }
      live();
      checkpoint = to;
      settle(written);
      return "applied";
    },
  };
}
