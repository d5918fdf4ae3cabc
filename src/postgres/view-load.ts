/**
 * A bulk load of one partition of a view that is keyed by stream: only this partition writes its documents, so what was read or written once is known
 * for as long as the checkpoint is the one that this load stored last. The compare-and-set of the next flush says whether it was; after anything else all is dropped.
 */
import type { Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { stripCopies } from "../core/reference.ts";
import type { Checkpoint, PartitionLoad } from "../runtime/ports.ts";
import type { ApplyConnections } from "./view-apply-connections.ts";
import type { ApplyContext } from "./view-apply-context.ts";
import { meaning } from "./view-apply.ts";
import { blaming } from "./view-batch.ts";
import type { Move } from "./view-checkpoint.ts";
import { type Held, writeLoad } from "./view-load-write.ts";
import { checkKey, decodeRow, type SqlRow } from "./view-rows.ts";

export interface LoadOptions {
  /** How much that was written is kept. */
  readonly keep: { readonly documents: number; readonly bytes: number };
  readonly onStored: (checkpoint: Checkpoint) => void;
}

/** One document in so many is measured. */
const sampledEach = 512;

export function viewLoad(
  context: ApplyContext,
  connections: ApplyConnections,
  generation: number,
  start: Checkpoint,
  { keep, onStored }: LoadOptions,
): PartitionLoad {
  const { database, own, shape } = context;
  const { view } = shape;
  const { log, partition } = start;
  let checkpoint = start;
  let reached = start;
  /** Changed since the last flush began. */
  let dirty = new Map<string, Held>();
  /** What the flush under way writes. */
  let flushing: ReadonlyMap<string, Held> = new Map();
  /** As they are in the table, the oldest first. */
  let clean = new Map<string, Held>();
  let spent = false;
  let count = 0;
  let bytesEach = 0;
  let lastType = "";

  const live = (): void => {
    if (spent) throw new Error(`the load of ${log}/${partition} is spent`);
  };
  const drop = (): void => {
    spent = true;
    dirty = new Map();
    flushing = new Map();
    clean = new Map();
  };

  /** The documents that may be there and are not known: one read. Their rows change by this partition alone, so a later compare-and-set confirms them. */
  async function read(missing: readonly Held[]): Promise<void> {
    const keys = missing.map(({ key }) => key);
    const { rows } = await connections.run((connection) =>
      connection.query<SqlRow>({ ...own.read, values: [database.array("text", keys)] }),
    );
    live(); // a flush may have failed meanwhile
    for (const sqlRow of rows) {
      const row = decodeRow(shape, sqlRow);
      const held = dirty.get(row.key)!;
      held.stored = held.document = stripCopies(view, row.document!);
      held.version = row.version;
      held.updated = row.updated;
    }
  }

  function begin(event: LogEvent, missing: Held[]): Held {
    const key = event.stream;
    const known = flushing.get(key) ?? clean.get(key);
    if (known !== undefined) {
      clean.delete(key);
      return { ...known, stored: known.document };
    }
    blaming(view.name, event, () => checkKey(key));
    const held: Held = { key, document: null, version: 0, updated: "", stored: null, type: event.type, position: event.position };
    // before a stream's first event there is no document
    if (event.version !== 1) missing.push(held);
    return held;
  }

  function fold(held: Held, event: LogEvent): void {
    const document = blaming(view.name, event, () => view.fold(held.document, event, held.key));
    held.document = document;
    held.version = document === null ? 0 : event.version;
    held.updated = document === null ? "" : event.time;
    held.type = event.type;
    held.position = event.position;
    count += 1;
    if (document !== null && (bytesEach === 0 || count % sampledEach === 0)) sample(document);
  }

  function sample(document: Document): void {
    const bytes = JSON.stringify(document).length;
    bytesEach = bytesEach === 0 ? bytes : bytesEach * 0.9 + bytes * 0.1;
  }

  function settle(written: ReadonlyMap<string, Held>): void {
    for (const [key, held] of written) {
      if (dirty.has(key)) continue;
      held.stored = null; // begin takes the document for it
      clean.set(key, held);
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
        const concerned: (Held | undefined)[] = [];
        const missing: Held[] = [];
        for (const event of events) {
          let held: Held | undefined;
          if (view.handles(event)) {
            held = dirty.get(event.stream);
            if (held === undefined) {
              held = begin(event, missing);
              dirty.set(event.stream, held);
            }
          }
          concerned.push(held);
        }
        if (missing.length > 0) await read(missing);
        for (let i = 0; i < events.length; i++) {
          const held = concerned[i];
          if (held !== undefined) fold(held, events[i]!);
        }
        reached = to;
        lastType = events.at(-1)?.type ?? lastType;
      } catch (error) {
        drop();
        throw error;
      }
    },
    async flush() {
      live();
      if (reached.position === checkpoint.position) return "applied";
      const move: Move = { view: view.name, generation, declared: view.version, from: checkpoint, to: reached };
      const last = { log, partition, position: reached.position, type: lastType };
      const written = dirty;
      flushing = written;
      dirty = new Map();
      try {
        await connections.run((connection) => writeLoad(context, connection, move, [...written.values()]));
      } catch (error) {
        drop();
        return meaning(context, last, error);
      }
      live();
      checkpoint = move.to;
      settle(written);
      onStored(checkpoint);
      return "applied";
    },
  };
}
