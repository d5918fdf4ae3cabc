/** What the write store keeps, shared by the handles of all "processes". */
import { TidemarkError } from "../errors.ts";
import type { LogIdentity, SnapshotRow, StoredAnswer, StoredEvent } from "../runtime/ports.ts";
import { ownership, type Ownership } from "./ownership.ts";
import { sharedOwnership, type SharedOwnership } from "./shared-ownership.ts";
import { signalHub, type SignalHub } from "./signal-hub.ts";

export interface StoredLog {
  readonly identity: LogIdentity;
  /** By partition; index 0 is position 1. */
  readonly partitions: readonly StoredEvent[][];
  /** In version order; index 0 is version 1. */
  readonly streams: Map<string, StoredEvent[]>;
  /** By stream. What a restored backup takes away leaves them as they are. */
  readonly snapshots: Map<string, SnapshotRow>;
  readonly relayed: Map<number, { readonly partition: number; readonly position: number; readonly topicId: string }>;
}

export interface WriteDatabase {
  readonly logs: Map<string, StoredLog>;
  readonly commands: Map<string, StoredAnswer>;
  readonly appended: SignalHub<string | undefined>;
  readonly ownership: Ownership & SharedOwnership;
  readonly nextLogId: () => string;
  /** @throws NOT_FOUND */
  log(name: string): StoredLog;
  /** As an older backup that was restored: everything of the partition after `position` is gone. What is appended next has other ids. */
  putBack(log: string, partition: number, position: number): void;
  /** As a notification connection that broke and came back. */
  reconnect(): void;
}

/** @param number makes the ids of its logs: two databases of the same number have the same ids. 1 unless given. */
export function writeDatabase(number = 1): WriteDatabase {
  const logs = new Map<string, StoredLog>();
  const commands = new Map<string, StoredAnswer>();
  const appended = signalHub<string | undefined>();
  let made = 0;
  const log = (name: string) => {
    const found = logs.get(name);
    if (found === undefined) throw new TidemarkError("NOT_FOUND", { what: `The log '${name}'` });
    return found;
  };
  return {
    logs,
    commands,
    appended,
    ownership: { ...ownership(), ...sharedOwnership() },
    nextLogId: () => `${number.toString(16).padStart(8, "0")}-0000-4000-8000-${(++made).toString(16).padStart(12, "0")}`,
    log,
    putBack(name, partition, position) {
      const { partitions, streams } = log(name);
      const gone = partitions[partition]!.splice(position);
      for (const event of gone) {
        const stream = streams.get(event.stream)!;
        stream.pop();
        if (stream.length === 0) streams.delete(event.stream);
        commands.delete(event.commandId);
      }
    },
    reconnect: () => appended.tell(undefined),
  };
}
