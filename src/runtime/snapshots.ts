/** Which states become snapshots, and when they are written: after the commit, off the commands' way. What is lost here is folded again. */
import type { AnyAggregate } from "../core/definition.ts";
import { jsonFault } from "../core/json-fault.ts";
import { TidemarkError } from "../errors.ts";
import type { EventStore, LoadedStream, Logger, NewStoredEvent, SnapshotRow } from "./ports.ts";
import type { StreamState } from "./state-cache.ts";

export interface Snapshots {
  /** A load folded `events` into this state: due where they were as many as a snapshot saves. */
  loaded(aggregate: AnyAggregate, stream: string, loaded: LoadedStream, state: StreamState): void;
  /** A commit of these events left this state: due where the version passed a multiple of `every`. */
  appended(aggregate: AnyAggregate, stream: string, state: StreamState, events: readonly NewStoredEvent[]): void;
  /** Takes no more; resolves when what waits is written or has failed. */
  close(): Promise<void>;
}

export interface SnapshotsOptions {
  readonly store: Pick<EventStore, "saveSnapshots">;
  readonly logger: Logger;
  /** Streams whose state waits to be written; more are let go; 2,000 unless given. */
  readonly maxWaiting?: number;
  /** Streams in one save; 200 unless given. */
  readonly maxRows?: number;
  /** Characters of JSON after which a save takes no further state; 1,000,000 unless given. */
  readonly maxText?: number;
}

interface Waiting {
  readonly aggregate: AnyAggregate;
  readonly stream: string;
  readonly version: number;
  readonly state: unknown;
  readonly eventId: string;
}

/** One save at a time, of the newest state of each stream; a state is put into words when its save is due, not before. */
export function snapshots({ store, logger, maxWaiting = 2_000, maxRows = 200, maxText = 1_000_000 }: SnapshotsOptions): Snapshots {
  const waiting = new Map<string, Waiting>();
  const saidOf = new Set<AnyAggregate>();
  let saving: Promise<void> | null = null;
  let closed = false;

  function add(one: Waiting): void {
    const key = `${one.aggregate.name}\u0000${one.stream}`;
    const before = waiting.get(key);
    if (closed || (before === undefined ? waiting.size >= maxWaiting : before.version >= one.version)) return;
    waiting.set(key, one);
    saving ??= saveAll();
  }

  async function saveAll(): Promise<void> {
    while (waiting.size > 0) {
      // answers to commands go first
      await new Promise(setImmediate);
      try {
        const rows = take();
        if (rows.length > 0) await store.saveSnapshots(rows);
      } catch (error) {
        if (closed) waiting.clear();
        logger.warn("snapshots were not stored; their streams are folded from further back", { problem: String(error) });
      }
    }
    saving = null;
  }

  function take(): readonly SnapshotRow[] {
    const rows: SnapshotRow[] = [];
    let text = 0;
    for (const [key, { aggregate, stream, version, state, eventId }] of waiting) {
      if (rows.length === maxRows || text >= maxText) break;
      waiting.delete(key);
      const fault = jsonFault(state);
      if (fault !== null) {
        sayOnce(aggregate, stream, fault);
        continue;
      }
      const json = JSON.stringify(state);
      text += json.length;
      rows.push({ log: aggregate.name, stream, version, eventId, reducer: aggregate.snapshots!.reducer, state: json });
    }
    return rows;
  }

  function sayOnce(aggregate: AnyAggregate, stream: string, { pointer, problem }: { pointer: string; problem: string }): void {
    if (saidOf.has(aggregate)) return;
    saidOf.add(aggregate);
    const error = new TidemarkError("INVALID_DEFINITION", {
      what: `Log '${aggregate.name}' keeps snapshots, so its states must be JSON, but ${pointer || "the state"} ${problem}. Such states are not stored, and their streams are folded from their events.`,
    });
    logger.error(error.message, { code: error.code, log: aggregate.name, stream, pointer });
  }

  return {
    loaded(aggregate, stream, { version, lastEventId, snapshot, events }, { state, fault }) {
      if (aggregate.snapshots === undefined || fault !== undefined || lastEventId === undefined) return;
      if (events.length >= aggregate.snapshots.every && version > (snapshot?.version ?? 0))
        add({ aggregate, stream, version, state, eventId: lastEventId });
    },
    appended(aggregate, stream, { version, state }, events) {
      const last = events.at(-1);
      if (aggregate.snapshots === undefined || last === undefined) return;
      const { every } = aggregate.snapshots;
      if (Math.floor(version / every) > Math.floor((version - events.length) / every))
        add({ aggregate, stream, version, state, eventId: last.id });
    },
    async close() {
      closed = true;
      await saving;
    },
  };
}
