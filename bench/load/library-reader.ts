/** The client library's batch fetch of all partitions of a topic, from its beginning, and nothing else: no group, no stream, no decoding of values. */
import { Consumer, FetchIsolationLevels, type KafkaRecord } from "@platformatic/kafka";

export interface LibraryReader {
  readonly partitions: number;
  /** What comes next: waits for the first record, `maxWaitMs` at most. One call at a time. */
  next(maxWaitMs: number): Promise<readonly KafkaRecord[]>;
  close(): Promise<void>;
}

const partitionMaxBytes = 2 ** 20;
const maxBytes = 8 * partitionMaxBytes;

/** The broker must be the only one: it is asked for every partition. */
export async function libraryReader(brokers: readonly string[], topic: string): Promise<LibraryReader> {
  const consumer = new Consumer({ clientId: "bench", groupId: "unused", bootstrapBrokers: [...brokers], timeout: 30_000, maxBytes });
  consumer.topics.trackAll(topic);
  const metadata = (await consumer.metadata({ topics: [topic] })).topics.get(topic)!;
  const node = metadata.partitions[0]!.leader;
  const offsets = metadata.partitions.map(() => 0n);
  return {
    partitions: offsets.length,
    async next(maxWaitTime) {
      const { responses } = await consumer.fetch({
        node,
        isolationLevel: FetchIsolationLevels.READ_COMMITTED,
        minBytes: 1,
        maxBytes,
        maxWaitTime,
        topics: [
          {
            topicId: metadata.id,
            partitions: offsets.map((fetchOffset, partition) => ({
              partition,
              fetchOffset,
              partitionMaxBytes,
              currentLeaderEpoch: -1,
              lastFetchedEpoch: -1,
            })),
          },
        ],
      });
      const found: KafkaRecord[] = [];
      for (const { partitions } of responses)
        for (const { partitionIndex, records } of partitions)
          for (const batch of records ?? [])
            for (const record of batch.records) {
              const offset = batch.firstOffset + BigInt(record.offsetDelta);
              // whole batches come, also where they begin before what was asked for
              if (offset < offsets[partitionIndex]!) continue;
              offsets[partitionIndex] = offset + 1n;
              found.push(record);
            }
      return found;
    },
    close: async () => consumer.close(true),
  };
}
