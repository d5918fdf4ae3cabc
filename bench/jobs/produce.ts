/** The client library's own producer with the relay's records from memory: acks=all, one request for each partition and send, partitions side by side. */
import { ProduceAcks, Producer } from "@platformatic/kafka";
import { orderEvents } from "../workload/events.ts";
import { headerPairs } from "../workload/records.ts";
import { partitions } from "../workload/write-store.ts";
import type { Job } from "./job.ts";

export interface ProduceArgs {
  readonly brokers: readonly string[];
  readonly topic: string;
  readonly logId: string;
  readonly events: number;
  /** Records of a send. */
  readonly batch: number;
  /** Partitions of a send; sends of different partitions run at the same time. */
  readonly partitionsPerSend: number;
}

interface Message {
  readonly topic: string;
  readonly partition: number;
  readonly key: Buffer;
  readonly value: Buffer;
  readonly headers: Map<Buffer, Buffer>;
}

const job: Job<ProduceArgs, null> = async ({ brokers, topic, logId, events, batch, partitionsPerSend }) => {
  const queues = Array.from({ length: partitions / partitionsPerSend }, () => [] as Message[]);
  for (const event of orderEvents({ events, partitions })) {
    queues[event.partition % queues.length]!.push({
      topic,
      partition: event.partition,
      key: Buffer.from(event.stream),
      value: Buffer.from(event.data),
      headers: new Map(headerPairs(event, logId)),
    });
  }
  let producer: Producer | undefined;
  return {
    async go() {
      const opened = new Producer({ clientId: "bench", bootstrapBrokers: [...brokers], retries: 5, retryDelay: 100 });
      producer = opened;
      // one send in flight for each queue, so that each partition keeps its order
      await Promise.all(
        queues.map(async (queue) => {
          for (let at = 0; at < queue.length; at += batch)
            await opened.send({ acks: ProduceAcks.ALL, messages: queue.slice(at, at + batch) });
        }),
      );
      return null;
    },
    close: async () => producer?.close(),
  };
};
export default job;
