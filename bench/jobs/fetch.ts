/** The client library's batch fetch with JSON.parse of each value, and nothing else: the most that a consumer built on it could do. */
import { Consumer, FetchIsolationLevels } from "@platformatic/kafka";
import type { Job } from "./job.ts";

export interface FetchArgs {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly events: number;
}

const partitionMaxBytes = 2 ** 20;

const job: Job<FetchArgs, number> = async ({ brokers, topic, events }) => {
  const consumer = new Consumer({ clientId: "bench", groupId: "unused", bootstrapBrokers: [...brokers], maxBytes: 8 * partitionMaxBytes });
  consumer.topics.trackAll(topic);
  return {
    async go() {
      const metadata = (await consumer.metadata({ topics: [topic] })).topics.get(topic)!;
      const offsets = metadata.partitions.map(() => 0n);
      const node = metadata.partitions[0]!.leader;
      let count = 0;
      while (count < events) {
        const { responses } = await consumer.fetch({
          node,
          isolationLevel: FetchIsolationLevels.READ_COMMITTED,
          minBytes: 1,
          maxBytes: 8 * partitionMaxBytes,
          maxWaitTime: 1_000,
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
        for (const { partitions } of responses)
          for (const { partitionIndex, records } of partitions)
            for (const batch of records ?? [])
              for (const record of batch.records) {
                const offset = batch.firstOffset + BigInt(record.offsetDelta);
                // whole batches come, also where they begin before what was asked for
                if (offset < offsets[partitionIndex]!) continue;
                offsets[partitionIndex] = offset + 1n;
                if (JSON.parse(record.value!.toString()) !== undefined) count += 1;
              }
      }
      if (count !== events) throw new Error(`${count} of ${events} records were fetched`);
      return count;
    },
    close: async () => consumer.close(true),
  };
};
export default job;
