/** Topics of a log: made, filled and read back. */
import { randomBytes } from "node:crypto";
import { kafkaTransport, openCluster, openLogWriter, topicOf } from "../../src/kafka/index.ts";
import type { Cursor, LogIdentity, StoredEvent } from "../../src/runtime/ports.ts";
import { digest, type Digest } from "./digest.ts";

export const freshPrefix = (): string => `bench${randomBytes(4).toString("hex")}-`;

export interface Place {
  readonly brokers: string;
  readonly prefix: string;
}

/** The topic of a log, empty, with its leaders elected: what a benchmark of writing starts from. */
export async function createTopic({ brokers, prefix }: Place, identity: LogIdentity): Promise<string> {
  const cluster = openCluster({ brokers, prefix });
  const topic = topicOf(prefix, identity.log);
  try {
    const writer = await openLogWriter(cluster, { topic, identity });
    await writer.tails([...Array(identity.partitions).keys()]);
    await writer.close();
  } finally {
    await cluster.close();
  }
  return topic;
}

/** Fills the topic of a log as a relay would, in batches of `batch` events of a partition. */
export async function fillTopic({ brokers, prefix }: Place, identity: LogIdentity, events: Iterable<StoredEvent>): Promise<void> {
  const batch = 1_000;
  const cluster = openCluster({ brokers, prefix });
  try {
    const writer = await openLogWriter(cluster, { topic: topicOf(prefix, identity.log), identity });
    const waiting = Array.from({ length: identity.partitions }, () => [] as StoredEvent[]);
    const sends = Array.from({ length: identity.partitions }, () => Promise.resolve());
    const send = async (partition: number) => {
      const next = waiting[partition]!;
      waiting[partition] = [];
      await sends[partition];
      sends[partition] = next.length === 0 ? Promise.resolve() : writer.send(partition, next);
    };
    for (const event of events) {
      const own = waiting[event.partition]!;
      if (own.push(event) >= batch) await send(event.partition);
    }
    await Promise.all(waiting.map((_, partition) => send(partition)));
    await Promise.all(sends);
    await writer.close();
  } finally {
    await cluster.close();
  }
}

/** Reads the log `orders` to its end by our reader, which refuses gaps, and throws unless it is the workload, each event once. */
export async function checkTopic({ brokers, prefix }: Place, events: number, expected: Digest): Promise<void> {
  const found = digest();
  const transport = kafkaTransport({ brokers, prefix });
  try {
    const { partitions } = await transport.identify("orders", AbortSignal.timeout(10_000));
    const reader = await transport.reader("orders");
    let cursors = Array.from({ length: partitions }, (_, partition): Cursor => ({
      partition,
      position: 0,
      eventId: null,
      logId: null,
      hint: null,
    }));
    while (found.get().count < events) {
      const batches = await reader.fetch(cursors, { maxEvents: 5_000, maxWaitMs: 5_000, signal: AbortSignal.timeout(30_000) });
      if (batches.length === 0) break;
      for (const batch of batches) for (const event of batch.events) found.add(event.stream, event.version, event.id);
      cursors = cursors.map((cursor) => batches.find((batch) => batch.partition === cursor.partition)?.next ?? cursor);
    }
    await reader.close();
  } finally {
    await transport.close();
  }
  const { count, sum } = found.get();
  if (count !== expected.count || sum !== expected.sum)
    throw new Error(`the topic holds ${count} events of ${expected.count}, and they are ${sum === expected.sum ? "" : "not "}the same`);
}
