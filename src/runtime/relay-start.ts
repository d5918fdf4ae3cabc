/** Where a relay stands in each partition, and how it finds that out (I3). */
import { TidemarkError } from "../errors.ts";
import { requireSame } from "./events-transport.ts";
import type { EventStore, LogIdentity, LogWriter, StoredEvent } from "./ports.ts";

export interface PartitionState {
  readonly partition: number;
  /** Read from the store and handed to the writer. */
  position: number;
  eventId: string | null;
  /** Acknowledged by Kafka. */
  acknowledged: number;
  recovering: boolean;
  /** Failed sends since the last one that was acknowledged. */
  failures: number;
  sending: boolean;
  /** Read while the last send was under way: they go next. */
  waiting: readonly StoredEvent[];
  /** Only a read of the store can tell what comes next. */
  unread: boolean;
  /** The store's when it was last read for this partition. */
  epoch: number;
}

/** Kafka's tail first, the store's heads after it: so a tail ahead of the store is a divergence, never a race (I3). */
export async function startingPoints(
  store: EventStore,
  { log }: Pick<LogIdentity, "log">,
  writer: LogWriter,
  wanted: readonly number[],
): Promise<PartitionState[]> {
  const diverged = (partition: number, problem: string) => new TidemarkError("LOG_DIVERGED", { log, partition, problem });
  const { epoch } = store;
  const written = new Map((await store.relayed(log)).map((row) => [row.partition, row]));
  const tails = await writer.tails(wanted);
  const heads = await store.heads(log);
  const states = tails.map((tail): PartitionState => {
    const { partition } = tail;
    const before = written.get(partition);
    const relayedBefore = before?.position ?? 0;
    if (before !== undefined && relayedBefore > 0 && before.topicId !== writer.topicId) {
      throw diverged(partition, `its topic has the id ${writer.topicId}, positions were relayed to ${before.topicId}`);
    }
    if (relayedBefore > 0 && !tail.everWritten)
      throw diverged(partition, `partition ${partition} of its topic is empty, ${relayedBefore} positions were relayed`);
    const head = heads[partition] ?? 0;
    if (Math.max(tail.position, relayedBefore) > head) {
      throw diverged(
        partition,
        `partition ${partition} was relayed up to position ${Math.max(tail.position, relayedBefore)}, the write store ends at ${head}`,
      );
    }
    const start = tail.position > 0 ? tail : { position: relayedBefore, eventId: null };
    return {
      partition,
      position: start.position,
      eventId: start.eventId,
      acknowledged: start.position,
      recovering: false,
      failures: 0,
      sending: false,
      waiting: [],
      unread: true,
      epoch,
    };
  });
  // The events at the tails must be the store's: a store that was put back and went on has others there.
  const known = states.filter((s) => s.position > 0);
  const rows = known.length === 0 ? [] : await store.read(log, known, 1);
  for (const s of known)
    requireSame(
      log,
      s,
      rows.find((row) => row.partition === s.partition),
    );
  return states;
}
