/** Produce v11 with acks=all. Batches that wait for the same broker go together in one request (I7); one that finds the way free goes at once. */
import { type Connection, produceV11, Writer } from "@platformatic/kafka";
import { answerOf } from "./cluster.ts";
import { type Connections, request } from "./connections.ts";
import type { BrokerAddress } from "./options.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";

export interface Producer {
  /**
   * The offset that the first record of the batch got, acknowledged by all in-sync replicas. The caller keeps at most one in flight per partition. Not repeated.
   * @throws BrokerRefusal where the broker said no; a library error where the outcome is unknown
   */
  produce(leader: BrokerAddress, partition: number, batch: Buffer): Promise<number>;
}

interface Waiting {
  readonly partition: number;
  readonly batch: Buffer;
  readonly done: PromiseWithResolvers<number>;
}

/** Two: while the broker works at one, the next is on its way. */
const requestsPerBroker = 2;
const requestBytes = 8 * 1024 * 1024;
const replicationTimeoutMs = 10_000;

export function openProducer(connections: Connections, topic: string): Producer {
  const brokers = new Map<string, { inFlight: number; readonly waiting: Waiting[] }>();

  const send = async (leader: BrokerAddress, group: readonly Waiting[]): Promise<void> => {
    try {
      const answers = await produceBatches(await connections.to(leader), topic, group);
      for (const waiting of group) {
        const answer = answers.find((a) => a.index === waiting.partition);
        if (answer === undefined)
          waiting.done.reject(new Error(`${topic}, partition ${waiting.partition}: the broker did not answer for it`));
        else if (answer.errorCode !== code.none)
          waiting.done.reject(new BrokerRefusal(`${topic}, partition ${waiting.partition}`, answer.errorCode));
        else waiting.done.resolve(Number(answer.baseOffset));
      }
    } catch (error) {
      for (const waiting of group) waiting.done.reject(error);
    }
  };

  const pump = (leader: BrokerAddress, broker: { inFlight: number; readonly waiting: Waiting[] }): void => {
    while (broker.inFlight < requestsPerBroker && broker.waiting.length > 0) {
      const group: Waiting[] = [];
      for (let bytes = 0; broker.waiting.length > 0 && (group.length === 0 || bytes + broker.waiting[0]!.batch.length <= requestBytes);) {
        const next = broker.waiting.shift()!;
        bytes += next.batch.length;
        group.push(next);
      }
      broker.inFlight++;
      void send(leader, group).then(() => {
        broker.inFlight--;
        pump(leader, broker);
      });
    }
  };

  return {
    produce(leader, partition, batch) {
      const key = `${leader.host}:${leader.port}`;
      const broker = brokers.get(key) ?? { inFlight: 0, waiting: [] };
      brokers.set(key, broker);
      const done = Promise.withResolvers<number>();
      broker.waiting.push({ partition, batch, done });
      // what the same turn brings for other partitions goes along
      queueMicrotask(() => pump(leader, broker));
      return done.promise;
    },
  };
}

async function produceBatches(connection: Connection, topic: string, group: readonly Waiting[]) {
  const write = () =>
    Writer.create()
      .appendString(null)
      .appendInt16(-1)
      .appendInt32(replicationTimeoutMs)
      .appendArray([topic], (w, name) => {
        w.appendString(name).appendArray([...group], (p, { partition, batch }) => {
          p.appendInt32(partition)
            .appendUnsignedVarInt(batch.length + 1)
            .append(batch);
        });
      })
      .appendTaggedFields();
  const answer = await request(connection, produceV11.api, write, (reader) =>
    answerOf(() => produceV11.parseResponse(0, produceV11.api.key, produceV11.api.version, reader)),
  );
  return answer.responses.flatMap((response) => response.partitionResponses);
}
