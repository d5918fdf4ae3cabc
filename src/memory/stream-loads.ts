/** Streams from the write store in memory: the events, or a snapshot and the events after it. */
import type { LoadedStream, SnapshotRow, StreamToLoad } from "../runtime/ports.ts";
import { streamEvent } from "./append.ts";
import type { StoredLog, WriteDatabase } from "./write-database.ts";

export function loadStream(database: WriteDatabase, { log: name, stream, reducer }: StreamToLoad): LoadedStream {
  const log = database.log(name);
  const events = log.streams.get(stream) ?? [];
  const version = events.length;
  const lastEventId = events.at(-1)?.id;
  if (lastEventId === undefined) return { version, events: [] };
  const stored = log.snapshots.get(stream);
  if (stored === undefined || stored.reducer !== reducer || !isOf(log, stored))
    return { version, lastEventId, events: events.map(streamEvent) };
  const snapshot = { version: stored.version, state: JSON.parse(stored.state) as unknown };
  return { version, lastEventId, snapshot, events: events.slice(stored.version).map(streamEvent) };
}

export function saveSnapshot(database: WriteDatabase, row: SnapshotRow): void {
  const log = database.log(row.log);
  const stored = log.snapshots.get(row.stream);
  const makesWay = stored === undefined || row.version > stored.version || row.reducer !== stored.reducer || !isOf(log, stored);
  if (makesWay && isOf(log, row)) log.snapshots.set(row.stream, { ...row });
}

/** Another event at that version, or none: another history. */
const isOf = (log: StoredLog, { stream, version, eventId }: SnapshotRow): boolean => log.streams.get(stream)?.[version - 1]?.id === eventId;
