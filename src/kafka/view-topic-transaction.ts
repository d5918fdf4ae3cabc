/** Kafka transactions of one producer on one partition: the latest that begins under a transactional id fences all before it. */
import { addPartitionsToTxnV3, endTxnV3, findCoordinatorV4, initProducerIdV4, produceV11, Writer } from "@platformatic/kafka";
import { TidemarkError } from "../errors.ts";
import { pause } from "../runtime/wake.ts";
import type { TransactionalProducer } from "./batch-encoder.ts";
import { answerOf, type Cluster } from "./cluster.ts";
import { type Connections, request } from "./connections.ts";
import type { BrokerAddress } from "./options.ts";
import { BrokerRefusal, code, isTransient } from "./protocol-errors.ts";

export interface Transactions {
  /**
   * One transaction of all the batches that `next` gives, in order; answers the offset of its first record. Spent after any failure: whether it was
   * committed tells the topic, read after another begin.
   * @throws BrokerRefusal or a library error
   */
  commit(next: (producer: TransactionalProducer) => EncodedBatch | null): Promise<number>;
  /**
   * A transaction without records, whose marker ends what an earlier one of this transactional id left without: Kafka loses the marker of a partition that
   * has no leader when its transaction ends. @throws as `commit`
   */
  settle(outcome: "commit" | "abort"): Promise<void>;
}

export interface EncodedBatch {
  readonly bytes: Buffer;
  readonly count: number;
}

export interface TransactionsOptions {
  readonly topic: string;
  readonly partition: number;
  readonly transactionalId: string;
  readonly connections: Connections;
}

/** A transaction that is open for longer is taken back by Kafka, its producer fenced. Until then readers wait at it. */
const transactionTimeoutMs = 20_000;
const replicationTimeoutMs = 10_000;
const retryLimitMs = 10_000;
/** An old producer's transaction is ended first. */
const beginLimitMs = 30_000;
const transactionKey = 1;
/** COORDINATOR_LOAD_IN_PROGRESS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS: the one before is not quite over. */
const passing: ReadonlySet<number> = new Set([14, 15, 16, 51]);
const concurrentTransactions = 51;
const longestPauseMs = 100;
const maxSequence = 0x7fff_ffff;

/** Ends whatever the one before left open, and fences it. What is committed under the id before this resolves can be read; nothing of others comes after. */
export async function beginTransactions(cluster: Cluster, options: TransactionsOptions): Promise<Transactions> {
  const { topic, partition, transactionalId, connections } = options;
  const what = `transactional id ${transactionalId}`;
  let known: BrokerAddress | null = null;

  const findCoordinator = async (): Promise<BrokerAddress> => {
    const answer = await cluster.anyBroker((connection) =>
      request(
        connection,
        findCoordinatorV4.api,
        () => findCoordinatorV4.createRequest(transactionKey, [transactionalId]),
        (reader) => answerOf(() => findCoordinatorV4.parseResponse(0, findCoordinatorV4.api.key, findCoordinatorV4.api.version, reader)),
      ),
    );
    const found = answer.coordinators[0];
    if (found === undefined || found.errorCode !== code.none) throw new BrokerRefusal(what, found?.errorCode ?? 15);
    return { host: found.host, port: found.port };
  };

  /** Asks the coordinator until its answer is final; all that is asked here may be asked twice. */
  const coordinated = async <T>(
    limitMs: number,
    ask: (connection: Awaited<ReturnType<Connections["to"]>>) => Promise<{ readonly errorCode: number; readonly value: T }>,
  ): Promise<T> => {
    const end = performance.now() + limitMs;
    for (let pauseMs = 1; ; pauseMs = Math.min(pauseMs * 2, longestPauseMs)) {
      try {
        const { errorCode, value } = await ask(await connections.to((known ??= await findCoordinator())));
        if (errorCode === code.none) return value;
        if (errorCode !== concurrentTransactions) known = null;
        throw new BrokerRefusal(what, errorCode);
      } catch (error) {
        const passes = error instanceof BrokerRefusal ? passing.has(error.errorCode) : isTransient(error);
        if (!(error instanceof BrokerRefusal)) known = null;
        if (cluster.closed.aborted || !passes || performance.now() + pauseMs > end) throw error;
        await pause(pauseMs, cluster.closed);
      }
    }
  };

  const { id, epoch } = await coordinated(beginLimitMs, async (connection) => {
    const answer = await request(
      connection,
      initProducerIdV4.api,
      () => initProducerIdV4.createRequest(transactionalId, transactionTimeoutMs),
      (reader) => answerOf(() => initProducerIdV4.parseResponse(0, initProducerIdV4.api.key, initProducerIdV4.api.version, reader)),
    );
    return { errorCode: answer.errorCode, value: { id: answer.producerId, epoch: answer.producerEpoch } };
  });
  let sequence = 0;

  const addPartition = (): Promise<void> =>
    coordinated(retryLimitMs, async (connection) => {
      const transaction = {
        transactionalId,
        producerId: id,
        producerEpoch: epoch,
        verifyOnly: false,
        topics: [{ name: topic, partitions: [partition] }],
      };
      const answer = await request(
        connection,
        addPartitionsToTxnV3.api,
        () => addPartitionsToTxnV3.createRequest([transaction]),
        (reader) =>
          answerOf(() => addPartitionsToTxnV3.parseResponse(0, addPartitionsToTxnV3.api.key, addPartitionsToTxnV3.api.version, reader)),
      );
      const errorCode = answer.resultsByTransaction[0]?.topicResults[0]?.resultsByPartition[0]?.partitionErrorCode ?? -1;
      return { errorCode, value: undefined };
    });

  const end = (committed: boolean): Promise<void> =>
    coordinated(retryLimitMs, async (connection) => {
      const answer = await request(
        connection,
        endTxnV3.api,
        () => endTxnV3.createRequest(transactionalId, id, epoch, committed),
        (reader) => answerOf(() => endTxnV3.parseResponse(0, endTxnV3.api.key, endTxnV3.api.version, reader)),
      );
      return { errorCode: answer.errorCode, value: undefined };
    });

  const produce = async (batch: Buffer): Promise<number> => {
    const leader = (await cluster.topic(topic))?.leaders[partition];
    if (leader == null) throw new BrokerRefusal(`${topic}, partition ${partition}`, 5);
    const answer = await request(
      await connections.to(leader),
      produceV11.api,
      () => produceRequest(transactionalId, topic, partition, batch),
      (reader) => answerOf(() => produceV11.parseResponse(0, produceV11.api.key, produceV11.api.version, reader)),
    );
    const found = answer.responses[0]?.partitionResponses[0];
    if (found === undefined || found.errorCode !== code.none)
      throw new BrokerRefusal(`${topic}, partition ${partition}`, found?.errorCode ?? -1);
    return Number(found.baseOffset);
  };

  return {
    async commit(next) {
      if (cluster.closed.aborted) throw new TidemarkError("CLOSED", { what: `the writer of topic ${topic}` });
      await addPartition();
      let first: number | null = null;
      for (let batch = next({ id, epoch, baseSequence: sequence }); batch !== null; batch = next({ id, epoch, baseSequence: sequence })) {
        const offset = await produce(batch.bytes);
        first ??= offset;
        // the number after the highest is 0
        sequence = (sequence + batch.count) % (maxSequence + 1);
      }
      await end(true);
      return first!;
    },
    async settle(outcome) {
      await addPartition();
      await end(outcome === "commit");
    },
  };
}

function produceRequest(transactionalId: string, topic: string, partition: number, batch: Buffer): Writer {
  return Writer.create()
    .appendString(transactionalId)
    .appendInt16(-1)
    .appendInt32(replicationTimeoutMs)
    .appendArray([topic], (w, name) => {
      w.appendString(name).appendArray([partition], (p, index) => {
        p.appendInt32(index)
          .appendUnsignedVarInt(batch.length + 1)
          .append(batch);
      });
    })
    .appendTaggedFields();
}
