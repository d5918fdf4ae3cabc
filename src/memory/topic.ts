/** Topics in memory: records by offset, kept once for all "processes". Only what logs need of Kafka. */
import type { StoredEvent } from "../runtime/ports.ts";
import { signalHub, type SignalHub } from "./signal-hub.ts";

/** What a relay writes; `logId` null: a record of somebody else, without our headers. */
export interface TopicRecord {
  readonly offset: number;
  readonly logId: string | null;
  readonly event: StoredEvent;
}

export interface TopicPartition {
  /** The first offset that can still be read. */
  readonly start: number;
  /** The offset of the next record. */
  readonly end: number;
  /** Returns the offset of the first one. Duplicates are kept, as Kafka keeps them. */
  append(logId: string | null, events: readonly StoredEvent[]): number;
  /** At most `limit` records from `offset`, or from the first one there is. */
  from(offset: number, limit?: number): readonly TopicRecord[];
  /** As retention does: what is before `offset` is gone; the end stays. */
  trim(offset: number): void;
}

export interface Topic {
  readonly name: string;
  readonly topicId: string;
  readonly partitions: readonly TopicPartition[];
  maxRecordBytes: number;
  weaknesses: readonly string[];
}

/** A member of a group as the broker knows it. */
export interface Member {
  readonly logs: readonly string[];
  readonly onAssigned: (assignments: readonly { readonly log: string; readonly partitions: readonly number[] }[]) => void;
}

export interface Broker {
  readonly topics: Map<string, Topic>;
  /** Told the log's name after each change of its topic. */
  readonly changed: SignalHub<string>;
  readonly groups: Map<string, Member[]>;
  /** Makes the topic of `log` where it is missing. */
  ensure(log: string, partitions: number): Topic;
  /** As an operator's slip does it: gone, with all records. The next `ensure` makes one of another id. */
  drop(log: string): void;
}

export function broker(): Broker {
  const topics = new Map<string, Topic>();
  const changed = signalHub<string>();
  let made = 0;
  return {
    topics,
    changed,
    groups: new Map(),
    ensure(log, partitions) {
      const known = topics.get(log);
      if (known !== undefined) return known;
      const tell = () => changed.tell(log);
      const topic: Topic = {
        name: `${log}-events`,
        topicId: `topic-${++made}`,
        partitions: Array.from({ length: partitions }, () => topicPartition(tell)),
        maxRecordBytes: 1_048_576,
        weaknesses: [],
      };
      topics.set(log, topic);
      tell();
      return topic;
    },
    drop(log) {
      topics.delete(log);
      changed.tell(log);
    },
  };
}

function topicPartition(changed: () => void): TopicPartition {
  const records: TopicRecord[] = [];
  let start = 0;
  return {
    get start() {
      return start;
    },
    get end() {
      return records.length;
    },
    append(logId, events) {
      const first = records.length;
      for (const event of events) records.push({ offset: records.length, logId, event });
      changed();
      return first;
    },
    from(offset, limit = Number.POSITIVE_INFINITY) {
      const first = Math.max(offset, start);
      return records.slice(first, first + limit);
    },
    trim(offset) {
      start = Math.max(start, Math.min(offset, records.length));
    },
  };
}
