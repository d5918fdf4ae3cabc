/** The topic of `orders_read` as another team reads it: by the client library's own consumer, the last record of each key. */
import { randomUUID } from "node:crypto";
import { Consumer, FetchIsolationLevels, stringDeserializers } from "@platformatic/kafka";
import type { HeadRow } from "../history.ts";

const limitMs = 60_000;

/** Reads until each partition's checkpoint record has reached the log's head. @throws where it does not within a minute */
export async function readTopic(brokers: readonly string[], topic: string, heads: readonly HeadRow[]): Promise<Map<string, unknown>> {
  const documents = new Map<string, unknown>();
  const open = new Map(
    heads.filter(({ log, position }) => log === "orders" && position > 0).map((head) => [head.partition, head.position]),
  );
  const consumer = new Consumer({
    clientId: "regression",
    groupId: `regression-${randomUUID()}`,
    bootstrapBrokers: [...brokers],
    deserializers: stringDeserializers,
    autocommit: false,
    isolationLevel: FetchIsolationLevels.READ_COMMITTED,
    retries: 10,
    retryDelay: 300,
  });
  const deadline = AbortSignal.timeout(limitMs);
  try {
    const offsets = [...(await consumer.listOffsets({ topics: [topic] }))].flatMap(([name, ends]) =>
      ends.map((_, partition) => ({ topic: name, partition, offset: 0n })),
    );
    const stream = await consumer.consume({ topics: [topic], mode: "manual", offsets, maxWaitTime: 200, autocommit: false });
    const late = () => void stream.close();
    deadline.addEventListener("abort", late);
    for await (const { key, value, partition } of stream) {
      if (key === "\0checkpoint") {
        const { position } = JSON.parse(value) as { position: number };
        if (position >= (open.get(partition) ?? Infinity)) open.delete(partition);
      } else if (value == null) documents.delete(key);
      else documents.set(key, JSON.parse(value));
      if (open.size === 0) break;
    }
    deadline.removeEventListener("abort", late);
    if (open.size > 0)
      throw new Error(`Topic ${topic} has not reached ${JSON.stringify([...open])} (partition, position) after ${limitMs} ms.`);
    await stream.close();
    return documents;
  } finally {
    await consumer.close(true);
  }
}
