/**
 * The one hand on a partition of a view's topic. It holds the partition's documents, read from the topic after everybody before it was fenced, and writes
 * what a batch makes of them with the checkpoint in one transaction (I4). After any failure it begins anew with what the topic says.
 */
import type { AnyView } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { isTidemarkError } from "../errors.ts";
import type { Checkpoint } from "../runtime/ports.ts";
import { batchEncoder, type TransactionalProducer } from "./batch-encoder.ts";
import type { Cluster } from "./cluster.ts";
import type { Connections } from "./connections.ts";
import { isFenced } from "./protocol-errors.ts";
import { topicSettings } from "./topics.ts";
import { type FoldedDocument, foldDocuments } from "./view-topic-fold.ts";
import { settleHanging } from "./view-topic-hanging.ts";
import { transactionalIdOf } from "./view-topic-names.ts";
import { diverged, readToEnd, requireTopic, type TopicPlace } from "./view-topic-reading.ts";
import { atStart, type RecordMaker, type TopicCheckpoint, type TopicDocument, topicRecordMaker } from "./view-topic-records.ts";
import { beginTransactions, type EncodedBatch, type Transactions } from "./view-topic-transaction.ts";

export interface TopicWriter {
  /** Holds the partition, as far as it knows. */
  readonly open: boolean;
  /** How far it knows the topic to be. */
  readonly position: number;
  /**
   * Afterwards the topic holds everything up to `to`, this call's work or not. Calls take their turns.
   * @throws HANDLER_FAILED with nothing written; VIEW_STORE_DIVERGED; any other error where another worker took over or the outcome is unknown
   */
  write(from: Checkpoint, to: Checkpoint, events: readonly LogEvent[]): Promise<void>;
  /** Frees the documents where nothing is under way. */
  release(): void;
}

export interface TopicWriterOptions {
  readonly view: AnyView;
  readonly place: TopicPlace;
  readonly partition: number;
  readonly connections: Connections;
}

const batchBytes = 1024 * 1024;
const defaultMaxBytes = 1_048_588;
/** Far below the time for which tombstones are kept (24 h): who was away for longer may have missed some. */
const trustedForMs = 6 * 3_600_000;

export function topicWriter(cluster: Cluster, { view, place, partition, connections }: TopicWriterOptions): TopicWriter {
  const { topic } = place;
  const make = topicRecordMaker(place);
  const documents = new Map<string, TopicDocument>();
  let checkpoint: TopicCheckpoint = atStart;
  /** Everything before it is in `documents`. */
  let offset: number | null = null;
  let readAt = 0;
  /** 0: to be asked for. */
  let maxBatchBytes = 0;
  let transactions: Transactions | null = null;
  let turn: Promise<unknown> = Promise.resolve();
  let busy = 0;

  const keep = (key: string, document: TopicDocument): void => {
    if (document.text === null) documents.delete(key);
    else documents.set(key, document);
  };
  const forget = (): void => {
    transactions = null;
    documents.clear();
    checkpoint = atStart;
    offset = null;
  };

  /** Fences everybody else, then reads what they left. */
  async function take(from: Checkpoint): Promise<Transactions> {
    if (offset !== null && Date.now() - readAt > trustedForMs) forget();
    maxBatchBytes ||= Number((await topicSettings(cluster, topic)).get("max.message.bytes") ?? defaultMaxBytes);
    const begun = await beginTransactions(cluster, { topic, partition, transactionalId: transactionalIdOf(topic, partition), connections });
    await settleHanging(cluster, place, begun, from);
    try {
      offset = await readToEnd(cluster, place, partition, offset, { document: keep, checkpoint: (read) => void (checkpoint = read) });
    } catch (error) {
      // what was read of it is not known to be whole
      forget();
      throw error;
    }
    readAt = Date.now();
    return begun;
  }

  /** The topic may be ahead, by a worker that ended before the checkpoint followed; never behind, and never of another history. */
  function check(from: Checkpoint, to: Checkpoint, events: readonly LogEvent[]): void {
    const { position, eventId, logId } = checkpoint;
    const expected = to.logId ?? from.logId;
    if (logId !== null && expected !== null && logId !== expected) throw diverged(place, `partition ${partition} holds another log`);
    if (position < from.position)
      throw diverged(
        place,
        `partition ${partition} holds the log up to position ${position}, after its checkpoint was at ${from.position}`,
      );
    const known = position === from.position ? from.eventId : events.find((event) => event.position === position)?.id;
    if (known !== undefined && known !== eventId) throw diverged(place, `another event at position ${position} of partition ${partition}`);
  }

  async function write(from: Checkpoint, to: Checkpoint, events: readonly LogEvent[]): Promise<void> {
    // somebody else has gone on: what is known here is old, not the topic
    if (checkpoint.position < from.position) transactions = null;
    const own = (transactions ??= await take(from));
    check(from, to, events);
    const fresh = events.filter((event) => event.position > checkpoint.position);
    if (fresh.length === 0) return;
    const folded = foldDocuments(view, fresh, documents, maxBatchBytes);
    const next: TopicCheckpoint = { position: to.position, eventId: to.eventId, logId: to.logId ?? from.logId };
    const records = recordsOf(make, folded, partition, next);
    try {
      const first = await own.commit((producer) => encodeNext(records, producer, Math.min(batchBytes, maxBatchBytes)));
      if (first < offset!) throw diverged(place, `partition ${partition} acknowledged offset ${first}, after it was read up to ${offset}`);
      offset = first + records.count;
    } catch (error) {
      transactions = null;
      if (!isFenced(error)) maxBatchBytes = 0;
      // a topic that is there no more answers like a broker that is down
      if (!isFenced(error) && !isTidemarkError(error)) await requireTopic(cluster, place);
      throw error;
    }
    for (const { key, document } of folded) keep(key, document);
    checkpoint = next;
    readAt = Date.now();
  }

  return {
    get open() {
      return transactions !== null;
    },
    get position() {
      return checkpoint.position;
    },
    write(from, to, events) {
      busy++;
      const done = turn.then(() => write(from, to, events)).finally(() => busy--);
      turn = done.catch(() => undefined);
      return done;
    },
    release() {
      if (busy === 0) forget();
    },
  };
}

interface Records {
  readonly folded: readonly FoldedDocument[];
  readonly make: RecordMaker;
  readonly partition: number;
  readonly checkpoint: TopicCheckpoint;
  readonly count: number;
  /** How many are encoded. */
  at: number;
}

/** The documents, then the checkpoint: who reads it has read them. */
const recordsOf = (make: RecordMaker, folded: readonly FoldedDocument[], partition: number, checkpoint: TopicCheckpoint): Records => ({
  folded,
  make,
  partition,
  checkpoint,
  count: folded.length + 1,
  at: 0,
});

/** Used between two awaits only. */
const encoder = batchEncoder();

function encodeNext(records: Records, producer: TransactionalProducer, limitBytes: number): EncodedBatch | null {
  if (records.at === records.count) return null;
  encoder.begin(Date.now());
  while (records.at < records.count) {
    const folded = records.folded[records.at];
    encoder.add(
      folded === undefined
        ? records.make.checkpoint(records.partition, records.checkpoint)
        : records.make.document(folded.key, folded.document, folded.last.id, folded.last.position),
    );
    if (encoder.size > limitBytes && encoder.count > 1) {
      encoder.dropLast();
      break;
    }
    records.at++;
  }
  const bytes = encoder.finish(producer);
  return { bytes, count: encoder.count };
}
