/**
 * What this process itself has just committed, so that its relay need not read it back from the store. A copy of the ends of partitions, bounded in bytes:
 * it answers for what follows directly upon an event that it holds too, within one epoch; a hole (another process's append, an unknown outcome) or a lost
 * connection empties it, and then only a read of the store can tell (I3).
 */
import type { AppendCommand, AppendOutcome, StoredEvent } from "./ports.ts";

export interface LastHandled {
  readonly partition: number;
  /** 0 before the first event. */
  readonly position: number;
  readonly eventId: string | null;
}

export interface RecentEvents {
  /** After the commit, in the order of the partition's appends. `epoch`: the store's when the call began. */
  appended(epoch: number, commands: readonly AppendCommand[], outcomes: readonly AppendOutcome[]): void;
  /** The next events after `last`, at most `limit`; [] where it has heard of none; null where only a read of the store can tell. */
  after(log: string, last: LastHandled, limit: number): readonly StoredEvent[] | null;
  /** True where it has heard of all up to these positions. */
  knows(log: string, ends: readonly { readonly partition: number; readonly position: number }[]): boolean;
}

interface End {
  /** The last position that this process committed. */
  position: number;
  /** Dense, up to `position`, or none. */
  events: StoredEvent[];
  bytes: number;
}

const defaultMaxBytes = 2_000_000;
/** What an event takes beside its texts, about. */
const eventBytes = 400;

/** @param epoch the store's, as it is now */
export function recentEvents(epoch: () => number, maxBytes = defaultMaxBytes): RecentEvents {
  /** By log and partition; the one that was written last comes last. */
  const ends = new Map<string, End>();
  let bytes = 0;
  let current = epoch();

  const keyOf = (log: string, partition: number) => `${partition}/${log}`;
  const empty = (end: End) => {
    bytes -= end.bytes;
    end.bytes = 0;
    end.events = [];
  };
  const follow = () => {
    const now = epoch();
    if (now === current) return;
    current = now;
    ends.clear();
    bytes = 0;
  };
  const add = (event: StoredEvent) => {
    const key = keyOf(event.log, event.partition);
    const end = ends.get(key) ?? { position: 0, events: [], bytes: 0 };
    ends.delete(key);
    ends.set(key, end);
    if (event.position !== end.position + 1) empty(end);
    const size = sizeOf(event);
    end.events.push(event);
    end.position = event.position;
    end.bytes += size;
    bytes += size;
  };
  /** Down to half of what may be, so that it is not done at each append: the partition that was written longest ago goes first. */
  const shrink = () => {
    for (const end of ends.values()) {
      if (bytes <= maxBytes / 2) return;
      empty(end);
    }
  };

  return {
    appended(before, commands, outcomes) {
      follow();
      const kept = before === current;
      for (const [i, command] of commands.entries()) {
        const outcome = outcomes[i]!;
        if (outcome.status !== "appended" || command.events.length === 0) continue;
        for (const event of storedEvents(command, outcome)) add(event);
        if (!kept) empty(ends.get(keyOf(command.log, command.partition))!);
      }
      if (bytes > maxBytes) shrink();
    },
    after(log, last, limit) {
      follow();
      const end = ends.get(keyOf(log, last.partition));
      if (end === undefined || end.position <= last.position) return [];
      const first = end.events[0]?.position;
      if (first === undefined) return null;
      const at = last.position - first;
      const before = end.events[at];
      if (last.position === 0 ? first !== 1 : before === undefined || before.id !== last.eventId) return null;
      return end.events.slice(at + 1, at + 1 + limit);
    },
    knows: (log, wanted) => wanted.every(({ partition, position }) => (ends.get(keyOf(log, partition))?.position ?? 0) >= position),
  };
}

const sizeOf = ({ data, metadata }: StoredEvent) => eventBytes + data.length + metadata.length;

/** As the store keeps them: a command's events have its last positions and versions, in their order. */
function storedEvents(command: AppendCommand, end: { readonly version: number; readonly position: number }): StoredEvent[] {
  const { log, partition, stream, id: commandId, events } = command;
  const before = events.length;
  return events.map(({ id, type, schemaVersion, data, metadata }, i) => ({
    log,
    partition,
    position: end.position - before + 1 + i,
    stream,
    version: end.version - before + 1 + i,
    type,
    schemaVersion,
    id,
    commandId,
    data,
    metadata,
  }));
}
