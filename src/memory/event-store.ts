/** The write store in memory: one handle for each "process", on a database that they share. */
import { murmur2 } from "../core/partition.ts";
import { TidemarkError } from "../errors.ts";
import type { EventStore, LogIdentity, StoredEvent } from "../runtime/ports.ts";
import { recentEvents } from "../runtime/recent-events.ts";
import { append } from "./append.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import { loadStream, saveSnapshot } from "./stream-loads.ts";
import type { StoredLog, WriteDatabase } from "./write-database.ts";

export interface MemoryEventStore extends EventStore {
  readonly database: WriteDatabase;
  readonly faults: Faults;
  /** As every lost connection does: a new epoch. */
  loseConnections(): void;
  /** The process is gone: whatever it still tries fails and has no effect; what it owned is another's. */
  kill(): void;
}

export interface MemoryEventStoreOptions {
  readonly faults?: Faults;
  /** 4 unless given; the same for all handles. */
  readonly lanes?: number;
}

const encoder = new TextEncoder();

export function memoryEventStore(database: WriteDatabase, { faults, lanes = 4 }: MemoryEventStoreOptions = {}): MemoryEventStore {
  const own = handle("The write store", faults);
  const busy = new Set<number>();
  let epoch = 1;
  const recent = recentEvents(() => epoch);
  /** While this handle's own announcement of what `recent` has heard of is told. */
  let telling = false;

  const make = (log: string, partitions: number): StoredLog => {
    const identity: LogIdentity = { log, logId: database.nextLogId(), partitions };
    return {
      identity,
      partitions: Array.from({ length: partitions }, () => []),
      streams: new Map(),
      snapshots: new Map(),
      relayed: new Map(),
    };
  };

  return {
    database,
    faults: own.faults,
    lanes,
    laneOf: (log, partition) => ((murmur2(encoder.encode(log)) & 0x7fffffff) + partition) % lanes,
    get epoch() {
      return epoch;
    },
    openLogs: (logs, partitions) =>
      own.run("openLogs", { logs }, () => {
        for (const log of logs) if (!database.logs.has(log)) database.logs.set(log, make(log, partitions ?? 6));
        return logs.map((log) => {
          const { identity } = database.log(log);
          if (partitions !== undefined && identity.partitions !== partitions)
            throw new TidemarkError("PARTITIONS_CHANGED", { log, stored: identity.partitions, asked: partitions });
          return identity;
        });
      }),
    async append(lane, commands) {
      if (busy.has(lane)) throw new Error(`two calls at a time in lane ${lane}`);
      busy.add(lane);
      try {
        const before = epoch;
        const outcomes = await own.run("append", { lane, commands }, () => append(database, commands));
        recent.appended(before, commands, outcomes);
        return outcomes;
      } finally {
        busy.delete(lane);
      }
    },
    load: (streams) => own.run("load", {}, () => streams.map((wanted) => loadStream(database, wanted))),
    saveSnapshots: (rows) => own.run("saveSnapshots", { rows }, () => rows.forEach((row) => saveSnapshot(database, row))),
    read: (log, from, limit, maxBytes) => own.run("read", { log, from }, () => readEvents(database, log, from, limit, maxBytes).events),
    readToPassOn: (log, from, limit, maxBytes) => own.run("read", { log, from }, () => readEvents(database, log, from, limit, maxBytes)),
    heads: (log) => own.run("heads", { log }, () => database.log(log).partitions.map((events) => events.length)),
    relayed: (log) => own.run("relayed", { log }, () => [...database.log(log).relayed.values()]),
    recordRelayed: (log, rows) =>
      own.run("recordRelayed", { log }, () => {
        const { relayed } = database.log(log);
        for (const row of rows) {
          const before = relayed.get(row.partition);
          if (before === undefined || before.topicId !== row.topicId || before.position < row.position)
            relayed.set(row.partition, { ...row });
        }
      }),
    recent: recent.after,
    announce(log, ends) {
      if (own.dead.aborted || own.faults.loses("appended")) return;
      telling = recent.knows(log, ends);
      try {
        database.appended.tell(log);
      } finally {
        telling = false;
      }
    },
    onAppended(callback) {
      return Promise.resolve(
        database.appended.on((log) => {
          if (!own.dead.aborted) callback(log, telling);
        }),
      );
    },
    withOwnership: (name, stop, run) => database.ownership.withOwnership(own.dead, name, stop, run),
    shareOwnership: (name, count, stop, run) => database.ownership.shareOwnership(own.dead, name, count, stop, run),
    loseConnections() {
      epoch += 1;
    },
    kill: own.kill,
    close() {
      own.close();
      return Promise.resolve();
    },
  };
}

function readEvents(
  database: WriteDatabase,
  log: string,
  from: readonly { readonly partition: number; readonly position: number }[],
  limit: number,
  maxBytes = Number.POSITIVE_INFINITY,
): { readonly events: readonly StoredEvent[]; readonly more: boolean } {
  const { partitions } = database.log(log);
  let more = false;
  const events = from
    .toSorted((a, b) => a.partition - b.partition)
    .flatMap(({ partition, position }) => {
      const begin = Math.max(0, position - 1);
      const found = partitions[partition]!.slice(begin, begin + limit);
      const own = within(found, maxBytes / from.length);
      more ||= found.length === limit || own.length < found.length;
      return own;
    });
  return { events, more };
}

/** The longest beginning that has `maxBytes` at most, and two events in any case. */
function within(events: readonly StoredEvent[], maxBytes: number): readonly StoredEvent[] {
  let bytes = 0;
  const end = events.findIndex(({ data, metadata }, i) => (bytes += data.length + metadata.length) > maxBytes && i > 1);
  return end < 0 ? events : events.slice(0, end);
}
