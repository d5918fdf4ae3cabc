/** Produces single records durably: what waits for a partition goes in one batch, one batch in flight per partition, in the order of asking. */
import { TidemarkError } from "../errors.ts";
import { batchEncoder, encodeHeaders, type HeaderName, headerName, type RecordToWrite } from "./batch-encoder.ts";
import type { Cluster } from "./cluster.ts";
import { openProducer } from "./produce.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { retrying } from "./retry.ts";

export interface PlainRecord {
  readonly key: string;
  readonly value: string;
  readonly headers: readonly (readonly [string, string])[];
}

export interface TopicProducer {
  /**
   * Acknowledged by all in-sync replicas; gives the offset. Repeated where the answer was lost, so a record may come twice: readers know it by its id.
   * @throws PAYLOAD_TOO_LARGE, LOG_DIVERGED where the topic was made again, UNAVAILABLE where nobody knows whether it is there, CLOSED
   */
  produce(partition: number, record: PlainRecord): Promise<number>;
  close(): Promise<void>;
}

export interface TopicProducerOptions {
  readonly topic: string;
  readonly topicId: string;
  /** The topic's `max.message.bytes`. */
  readonly maxBatchBytes: number;
  /** For messages. */
  readonly log: string;
}

interface Waiting {
  readonly record: RecordToWrite;
  readonly done: PromiseWithResolvers<number>;
}

const produceTimeoutMs = 15_000;
const retryLimitMs = 10_000;
const maxBatchRecords = 1_000;
const batchBytes = 1024 * 1024;
const noHeaders = encodeHeaders([]);
/** The names that this process writes are few. */
const names = new Map<string, HeaderName>();

function named(name: string): HeaderName {
  const found = names.get(name) ?? headerName(name);
  names.set(name, found);
  return found;
}

export function topicProducer(cluster: Cluster, { topic, topicId, log, maxBatchBytes }: TopicProducerOptions): TopicProducer {
  const connections = cluster.connections(produceTimeoutMs);
  const producer = openProducer(connections, topic);
  const encoder = batchEncoder();
  const partitions = new Map<number, { readonly waiting: Waiting[]; busy: boolean }>();
  const closed = new AbortController();
  const stop = AbortSignal.any([closed.signal, cluster.closed]);

  /** The next batch of a partition, and those whose records are in it. Records that no batch takes are refused here. */
  function take(waiting: Waiting[]): { readonly batch: Buffer; readonly taken: readonly Waiting[] } | null {
    const taken: Waiting[] = [];
    encoder.begin(Date.now());
    while (waiting.length > 0 && taken.length < maxBatchRecords) {
      const next = waiting[0]!;
      encoder.add(next.record);
      if (encoder.size > maxBatchBytes || (encoder.size > batchBytes && taken.length > 0)) {
        encoder.dropLast();
        if (taken.length > 0) break;
        waiting.shift();
        next.done.reject(new TidemarkError("PAYLOAD_TOO_LARGE", { limitBytes: maxBatchBytes }));
        continue;
      }
      taken.push(next);
      waiting.shift();
    }
    return taken.length === 0 ? null : { batch: encoder.finish(), taken };
  }

  const send = (partition: number, batch: Buffer): Promise<number> =>
    retrying(
      { what: `topic ${topic}, partition ${partition},`, limitMs: retryLimitMs, closed: stop, before: () => cluster.refresh(topic) },
      async () => {
        const metadata = await cluster.topic(topic);
        if (metadata !== null && metadata.topicId !== topicId)
          throw new TidemarkError("LOG_DIVERGED", { log, partition, problem: `topic ${topic} was deleted and made again` });
        const leader = metadata?.leaders[partition];
        if (leader == null) throw new BrokerRefusal(`${topic}, partition ${partition}`, metadata === null ? code.unknownTopic : 5);
        return producer.produce(leader, partition, batch);
      },
    );

  async function pump(partition: number, queue: { readonly waiting: Waiting[]; busy: boolean }): Promise<void> {
    queue.busy = true;
    // what is asked for in the same turn goes along
    await Promise.resolve();
    for (let next = take(queue.waiting); next !== null; next = take(queue.waiting)) {
      const { batch, taken } = next;
      try {
        const first = await send(partition, batch);
        for (const [i, { done }] of taken.entries()) done.resolve(first + i);
      } catch (error) {
        for (const { done } of taken) done.reject(error);
      }
    }
    queue.busy = false;
  }

  return {
    produce(partition, { key, value, headers }) {
      if (stop.aborted) return Promise.reject(new TidemarkError("CLOSED", { what: `the writer of topic ${topic}` }));
      const queue = partitions.get(partition) ?? { waiting: [], busy: false };
      partitions.set(partition, queue);
      const done = Promise.withResolvers<number>();
      const encoded: (HeaderName | string)[] = [];
      for (const [name, content] of headers) encoded.push(named(name), content);
      queue.waiting.push({ record: { key, value, fixedHeaders: noHeaders, headers: encoded }, done });
      if (!queue.busy) void pump(partition, queue);
      return done.promise;
    },
    async close() {
      closed.abort();
      await connections.close();
    },
  };
}
