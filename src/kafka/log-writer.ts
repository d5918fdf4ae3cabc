/** The relay's hand on a log's topic: where the copy ends, and what comes next, in order. */
import { TidemarkError } from "../errors.ts";
import type { LogIdentity, LogWriter, StoredEvent, Tail } from "../runtime/ports.ts";
import { pause } from "../runtime/wake.ts";
import { batchEncoder, batchHeaderBytes } from "./batch-encoder.ts";
import type { Cluster } from "./cluster.ts";
import { openProducer } from "./produce.ts";
import { BrokerRefusal, code, isMoved, unavailable } from "./protocol-errors.ts";
import { recordMaker } from "./record-writing.ts";
import { maxBatchRecords, readTails } from "./tails.ts";
import { ensureTopic } from "./topics.ts";

const produceTimeoutMs = 15_000;
const maxBatchBytes = 1024 * 1024;
const movedLimitMs = 5_000;
const movedPauseMs = 50;
/** What a batch of one takes beside key, value and headers: the batch's header, the record's lengths and deltas. */
const framingBytes = batchHeaderBytes + 32;

/**
 * Makes or checks the topic first; `create: false` where it held records before, so that a lost one is refused in place of made anew.
 * @throws LOG_DIVERGED, PARTITIONS_CHANGED, INVALID_SETTING, UNAVAILABLE, CLOSED
 */
export async function openLogWriter(
  cluster: Cluster,
  options: { readonly topic: string; readonly identity: LogIdentity; readonly create?: boolean },
): Promise<LogWriter> {
  const { topic, identity } = options;
  const { log, logId } = identity;
  const checked = await ensureTopic(cluster, topic, log, identity.partitions, options.create ?? true);
  let limitBytes = checked.maxBatchBytes;
  const connections = cluster.connections(produceTimeoutMs);
  const producer = openProducer(connections, topic);
  const makeRecord = recordMaker(log, logId);
  const encoder = batchEncoder();
  const lastOffset = new Map<number, number>();
  const lastPosition = new Map<number, number>();
  const sending = new Map<number, Promise<void>>();
  /** After a failed send a partition waits for `tails`: what follows the failure must not overtake it. */
  const stopped = new Map<number, unknown>();
  let closed = false;

  /** The longest beginning of `events` from `from` on that one batch takes; at least one. */
  const encode = (events: readonly StoredEvent[], from: number): { readonly batch: Buffer; readonly count: number } => {
    const batchBytes = Math.min(maxBatchBytes, limitBytes);
    encoder.begin(Date.now());
    for (let i = from; i < events.length && encoder.count < maxBatchRecords; i++) {
      encoder.add(makeRecord(events[i]!));
      if (encoder.size <= batchBytes || encoder.count === 1) continue;
      encoder.dropLast();
      break;
    }
    const batch = encoder.finish();
    if (batch.length > limitBytes)
      throw new TidemarkError("EVENT_TOO_LARGE", { log, type: events[from]!.type, bytes: batch.length, limit: limitBytes });
    return { batch, count: encoder.count };
  };

  /** Goes after the leader where it moved: such an answer means that nothing was written, and nothing of the partition is behind it. */
  const produce = async (partition: number, batch: Buffer): Promise<number> => {
    for (const end = performance.now() + movedLimitMs; ;) {
      const metadata = await cluster.topic(topic);
      if (metadata !== null && metadata.topicId !== checked.topicId) throw diverged(partition, `topic ${topic} was deleted and made again`);
      const leader = metadata?.leaders[partition];
      try {
        if (leader == null) throw new BrokerRefusal(`${topic}, partition ${partition}`, metadata === null ? code.unknownTopic : 5);
        return await producer.produce(leader, partition, batch);
      } catch (error) {
        if (!(error instanceof BrokerRefusal) || !isMoved(error.errorCode) || performance.now() > end || closed) throw error;
        await pause(movedPauseMs, cluster.closed);
        await cluster.refresh(topic);
      }
    }
  };
  const diverged = (partition: number, problem: string) => new TidemarkError("LOG_DIVERGED", { log, partition, problem });

  const sendAll = async (partition: number, events: readonly StoredEvent[]): Promise<void> => {
    for (let from = 0; from < events.length;) {
      checkOrder(partition, events, from);
      const { batch, count } = encode(events, from);
      const offset = await produce(partition, batch).catch(async (error: unknown) => {
        if (!isTooLarge(error)) throw error;
        // the topic's limit was lowered, and nothing of this batch was written: again in smaller ones
        const now = (await ensureTopic(cluster, topic, log, identity.partitions, false)).maxBatchBytes;
        if (now >= limitBytes) throw error;
        limitBytes = now;
        return null;
      });
      if (offset === null) continue;
      const last = lastOffset.get(partition) ?? -1;
      if (offset <= last) throw diverged(partition, `partition ${partition} acknowledged offset ${offset}, after offset ${last}`);
      lastOffset.set(partition, offset + count - 1);
      from += count;
      lastPosition.set(partition, events[from - 1]!.position);
    }
  };
  /** A hole in what is sent would be a hole in Kafka for ever. */
  const checkOrder = (partition: number, events: readonly StoredEvent[], from: number): void => {
    if (from > 0) return;
    let last = lastPosition.get(partition);
    for (const { position } of events) {
      if (last !== undefined && position > last + 1)
        throw new TidemarkError("LOG_GAP", { log, partition, expected: last + 1, found: position });
      last = position;
    }
  };

  const fail = (partition: number, error: unknown): never => {
    stopped.set(partition, error);
    if (closed || cluster.closed.aborted) throw new TidemarkError("CLOSED", { what: `the writer of topic ${topic}` }, { cause: error });
    throw error instanceof TidemarkError ? error : unavailable(`topic ${topic}, partition ${partition},`, error);
  };

  return {
    topicId: checked.topicId,
    get maxRecordBytes() {
      return limitBytes - framingBytes;
    },
    weaknesses: checked.weaknesses,

    async tails(partitions) {
      await Promise.all(partitions.map((partition) => sending.get(partition)?.catch(() => {}) ?? Promise.resolve()));
      const metadata = await cluster.refresh(topic);
      if (metadata === null) throw unavailable(`topic ${topic}`, new BrokerRefusal(`topic ${topic}`, code.unknownTopic));
      if (metadata.topicId !== checked.topicId)
        throw new TidemarkError("LOG_DIVERGED", { log, problem: `topic ${topic} was deleted and made again` });
      const tails = await readTails(cluster, topic, partitions, { log, logId });
      for (const tail of tails) {
        lastOffset.set(tail.partition, tail.endOffset - 1);
        lastPosition.delete(tail.partition);
        stopped.delete(tail.partition);
      }
      return tails.map(({ partition, position, eventId, everWritten }): Tail => ({ partition, position, eventId, everWritten }));
    },

    async send(partition, events) {
      const before = sending.get(partition);
      const run = (async () => {
        await before?.catch(() => {}); // told to its own caller; here `stopped` says it
        if (closed) throw new TidemarkError("CLOSED", { what: `the writer of topic ${topic}` });
        if (stopped.has(partition)) throw unavailable(`topic ${topic}, partition ${partition},`, stopped.get(partition));
        await sendAll(partition, events).catch((error: unknown) => fail(partition, error));
      })();
      sending.set(partition, run);
      try {
        await run;
      } finally {
        if (sending.get(partition) === run) sending.delete(partition);
      }
    },

    async close() {
      closed = true;
      await connections.close();
    },
  };
}

const isTooLarge = (error: unknown): boolean =>
  error instanceof BrokerRefusal && (error.errorCode === code.messageTooLarge || error.errorCode === code.recordListTooLarge);
