/** All records of the logs' topics, read by the client library's own consumer and by nothing of the product. */
import { randomUUID } from "node:crypto";
import { Consumer, stringDeserializers } from "@platformatic/kafka";
import type { KafkaRecord } from "./history.ts";

export interface KafkaDump {
  /** Everything up to the topics' present ends, in order of log, partition, offset; reads only what is new since the last call. */
  records(): Promise<readonly KafkaRecord[]>;
}

const logs = ["orders", "customers"] as const;

export function kafkaDump(brokers: readonly string[], prefix: string): KafkaDump {
  const topics = new Map(logs.map((log) => [`${prefix}${log}-events`, log]));
  const known = new Map<string, KafkaRecord[]>();
  const listOf = (topic: string, partition: number) => {
    const key = `${topic}/${partition}`;
    const list = known.get(key) ?? [];
    known.set(key, list);
    return list;
  };
  const next = (list: readonly KafkaRecord[]) => (list.at(-1)?.offset ?? -1) + 1;

  async function readNew(): Promise<void> {
    const consumer = new Consumer({
      clientId: "regression",
      groupId: `regression-${randomUUID()}`,
      bootstrapBrokers: [...brokers],
      deserializers: stringDeserializers,
      autocommit: false,
      retries: 10,
      retryDelay: 300,
    });
    try {
      const ends = await consumer.listOffsets({ topics: [...topics.keys()] });
      const open = new Map<string, number>();
      const offsets = [...ends].flatMap(([topic, list]) =>
        list.map((end, partition) => {
          const offset = next(listOf(topic, partition));
          if (offset < Number(end)) open.set(`${topic}/${partition}`, Number(end));
          return { topic, partition, offset: BigInt(offset) };
        }),
      );
      if (open.size === 0) return;
      const stream = await consumer.consume({ topics: [...topics.keys()], mode: "manual", offsets, maxWaitTime: 200, autocommit: false });
      for await (const message of stream) {
        const { topic, partition } = message;
        const headers = new Map(message.headers);
        const offset = Number(message.offset);
        listOf(topic, partition).push({
          log: topics.get(topic)!,
          partition,
          offset,
          key: message.key,
          value: message.value,
          position: Number(headers.get("tidemark-position")),
          id: headers.get("ce_id") ?? "",
          logId: headers.get("tidemark-log-id") ?? "",
        });
        if (offset + 1 >= (open.get(`${topic}/${partition}`) ?? Infinity)) open.delete(`${topic}/${partition}`);
        if (open.size === 0) break;
      }
      await stream.close();
    } finally {
      await consumer.close(true);
    }
  }

  return {
    async records() {
      await readNew();
      return [...topics.keys()].flatMap((topic) =>
        [...known]
          .filter(([key]) => key.startsWith(`${topic}/`))
          .toSorted(([, a], [, b]) => (a[0]?.partition ?? 0) - (b[0]?.partition ?? 0))
          .flatMap(([, list]) => list),
      );
    },
  };
}
