/**
 * Reads a log from its topic, from the reader's own cursors: one long poll to each leader for all partitions that are wanted, and while
 * events are given out, where the log goes on, the next answer is under way already.
 */
import type { Connection } from "@platformatic/kafka";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Batch, Cursor, LogReader } from "../runtime/ports.ts";
import type { Cluster, TopicMetadata } from "./cluster.ts";
import type { BrokerAddress } from "./options.ts";
import { partitionReader, type PartitionReader } from "./partition-reader.ts";
import { BrokerRefusal, code, isMoved, isTransient, unavailable } from "./protocol-errors.ts";
import { type Stopper, stopper } from "./stopper.ts";
import { fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

/** A request in flight; it outlives the call that made it, where that got its events from another broker. */
interface Poll {
  readonly from: ReadonlyMap<number, number>;
  /** Answered at once, so nobody is held up by it. */
  readonly ahead: boolean;
  /** Never rejects; what failed is in `trouble`. */
  readonly done: Promise<void>;
}

/** More than the largest batch of a relay, so that a partition always moves on. */
const partitionBytes = 1280 * 1024;
/** Of an answer; and what is at hand, where it is that much, is given out before more is asked for. */
const totalBytes = 8 * 1024 * 1024;
const longestPollMs = 20_000;
const pollTimeoutMs = longestPollMs + 10_000;
/** A leader that read-ahead has left out for so long is asked once in between. */
const askAgainMs = 50;
const firstPauseMs = 20;
const longestPauseMs = 500;

export function openLogReader(cluster: Cluster, log: string, topic: string): LogReader {
  const connections = cluster.connections(pollTimeoutMs);
  const readers = new Map<number, PartitionReader>();
  const polls = new Map<string, Poll>();
  const logId = { known: null as string | null };
  /** Where each partition ended, when it was last fetched. */
  const ends = new Map<number, number>();
  /** By leader: when it was last asked. */
  const askedAt = new Map<string, number>();
  let known: TopicMetadata | null = null;
  let starting: Promise<void> | null = null;
  let closed = false;
  let interrupt: () => void = () => {};
  let turn = 0;
  let served = 0;
  /** The last failure since the last good answer: metadata is asked for again, after a pause. */
  let trouble: Error | null = null;
  const met = () => trouble;
  let pauseMs = firstPauseMs;

  const readerOf = (partition: number): PartitionReader => {
    const found = readers.get(partition) ?? partitionReader(log, partition, logId);
    readers.set(partition, found);
    return found;
  };

  const absorb = (partitions: Awaited<ReturnType<typeof fetchFrom>>, from: ReadonlyMap<number, number>): void => {
    for (const { partition, errorCode, endOffset, bytes, aborted } of partitions) {
      const reader = readerOf(partition);
      if (errorCode === code.none) ends.set(partition, endOffset);
      if (reader.wants !== from.get(partition)) continue; // it was sent elsewhere meanwhile
      // the answer was full before it came to this partition
      if (errorCode === code.none && bytes.length === 0 && from.get(partition)! < endOffset) continue;
      if (errorCode === code.none) reader.feed(bytes, aborted);
      else if (errorCode === code.offsetOutOfRange) reader.restart();
      else trouble = new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
    }
  };

  const poll = (
    leader: BrokerAddress,
    key: string,
    metadata: TopicMetadata,
    from: ReadonlyMap<number, number>,
    waitMs: number,
    free: Promise<void> | null,
  ): Poll => {
    const list = [...from].map(([partition, offset]) => ({ partition, offset }));
    // the broker fills the answer in the order of the request: each partition is the first in turn
    const first = turn++ % list.length;
    const inTurn = [...list.slice(first), ...list.slice(0, first)];
    const options = { maxWaitMs: Math.min(Math.ceil(waitMs), longestPollMs), partitionBytes, totalBytes };
    const finished = Promise.withResolvers<void>();
    const started: Poll = { from, ahead: waitMs <= 0, done: finished.promise };
    polls.set(key, started);
    askedAt.set(key, performance.now());
    const run = async (): Promise<void> => {
      try {
        if (free !== null) await free;
        // where there is a connection, the request is sent before this returns
        const connection: Connection = connections.open(leader) ?? (await connections.to(leader));
        absorb(await fetchFrom(connection, metadata.topicId, inTurn, options), from);
      } catch (error) {
        // a poll that was given up says nothing about the broker
        if (polls.get(key) === started) trouble = asError(error);
      } finally {
        if (polls.get(key) === started) polls.delete(key);
        finished.resolve();
      }
    };
    void run();
    return started;
  };

  const byLeader = (metadata: TopicMetadata, wanting: ReadonlyMap<number, number>) => {
    const groups = new Map<string, { readonly leader: BrokerAddress; readonly from: Map<number, number> }>();
    for (const [partition, offset] of wanting) {
      const leader = metadata.leaders[partition];
      if (leader == null) {
        trouble = new BrokerRefusal(`${topic}, partition ${partition}`, 5);
        continue;
      }
      const key = `${leader.host}:${leader.port}`;
      const group = groups.get(key) ?? { leader, from: new Map<number, number>() };
      group.from.set(partition, offset);
      groups.set(key, group);
    }
    return groups;
  };

  /** The polls that bring what `wanting` wants; those in flight that do are used again. */
  const pollsFor = (metadata: TopicMetadata, wanting: ReadonlyMap<number, number>, waitMs: number): Promise<void>[] => {
    return [...byLeader(metadata, wanting)].map(([key, { leader, from }]) => {
      const running = polls.get(key);
      const brings =
        running !== undefined && (running.ahead || [...from].every(([partition, offset]) => running.from.get(partition) === offset));
      if (brings) return running.done;
      // a poll for something else would hold up this one
      if (running !== undefined) polls.delete(key);
      const free = running === undefined ? null : connections.drop(leader);
      return poll(leader, key, metadata, from, waitMs, free).done;
    });
  };

  const wantedBy = (cursors: readonly Cursor[]): Map<number, number> => {
    const wanting = new Map<number, number>();
    for (const { partition } of cursors) {
      const { wants } = readerOf(partition);
      if (typeof wants === "number") wanting.set(partition, wants);
    }
    return wanting;
  };

  const findStarts = async (cursors: readonly Cursor[]): Promise<void> => {
    const lost = cursors.map(({ partition }) => partition).filter((partition) => readerOf(partition).wants === "start");
    for (const [partition, offset] of await listOffsets(cluster, topic, lost, "start")) readerOf(partition).startAt(offset);
  };

  /**
   * Asks for what comes after what is at hand, without waiting for it: one answer at a time from each leader, where the log goes on after it
   * or the leader has not been asked for a while (its partitions do not wait for the backlog of another one's), and only for those that the
   * caller reads. What fails is met again when there is nothing left at hand.
   */
  const readAhead = (cursors: readonly Cursor[]): void => {
    if (known === null || trouble !== null || closed) return;
    let atHand = 0;
    for (const { partition } of cursors) atHand += readerOf(partition).bytesAtHand;
    if (atHand >= totalBytes) return;
    if (starting === null && cursors.some(({ partition }) => readerOf(partition).wants === "start")) {
      starting = findStarts(cursors)
        .catch((error: unknown) => {
          trouble = asError(error);
        })
        .finally(() => {
          starting = null;
        });
    }
    for (const [key, { leader, from }] of byLeader(known, wantedBy(cursors))) {
      const goesOn = [...from].some(([partition, offset]) => offset < (ends.get(partition) ?? Number.POSITIVE_INFINITY));
      const isDue = performance.now() - (askedAt.get(key) ?? Number.NEGATIVE_INFINITY) > askAgainMs;
      if ((goesOn || isDue) && !polls.has(key)) poll(leader, key, known, from, 0, null);
    }
  };

  /**
   * What is at hand, each partition first in turn; no further one where there are `maxEvents` already, so that the caller can begin with them
   * and the others stay bytes meanwhile.
   */
  const takeFrom = (own: readonly PartitionReader[], maxEvents: number): Batch[] => {
    const batches: Batch[] = [];
    let count = 0;
    let last = -1;
    for (let i = 0; i < own.length && count < maxEvents; i++) {
      const reader = own[(served + i) % own.length]!;
      try {
        const batch = reader.take(maxEvents);
        if (batch === null) continue;
        batches.push(batch);
        count += batch.events.length;
        last = i;
      } catch (error) {
        // it is met again
        if (batches.length === 0) throw unavailable(`log '${log}' (${cluster.label})`, error);
      }
    }
    served = own.length === 0 ? 0 : (served + last + 1) % own.length;
    return batches;
  };

  /** False where `stop` came before the brokers were asked for events. */
  const round = async (cursors: readonly Cursor[], waitMs: number, stop: Promise<void>): Promise<boolean> => {
    const metadata = await Promise.race([trouble === null ? cluster.topic(topic) : cluster.refresh(topic), stop]);
    if (metadata === undefined) return false;
    trouble = null;
    if (metadata === null) throw new BrokerRefusal(`topic ${topic}`, code.unknownTopic);
    if (known !== null && known.topicId !== metadata.topicId) {
      ends.clear();
      for (const reader of readers.values()) reader.restart();
    }
    known = metadata;
    if ((await Promise.race([findStarts(cursors).then(() => "found"), stop])) === undefined) return false;
    const wanting = wantedBy(cursors);
    const running = pollsFor(metadata, wanting, waitMs);
    if (met() === null) await Promise.race([...running, stop]);
    const failed = met();
    if (failed !== null) throw failed;
    pauseMs = firstPauseMs;
    return true;
  };

  return {
    async fetch(cursors, { maxEvents, maxWaitMs, signal }) {
      const own = cursors.map((cursor) => readerOf(cursor.partition));
      cursors.forEach((cursor, i) => own[i]!.seek(cursor));
      const end = performance.now() + maxWaitMs;
      let stop: Stopper | null = null;
      let answered = false;
      let failure: unknown = null;
      try {
        for (;;) {
          for (const reader of own) reader.check();
          if (own.some((reader) => reader.bytesAtHand > 0)) readAhead(cursors);
          const batches = takeFrom(own, maxEvents);
          if (batches.length > 0 || signal.aborted) return batches;
          for (const reader of own) reader.check();
          if (closed || cluster.closed.aborted) throw new TidemarkError("CLOSED", { what: `the reader of log '${log}'` });
          if (stop === null) {
            stop = stopper(signal, maxWaitMs);
            interrupt = stop.now;
          }
          if (stop.reached) {
            const cause = failure ?? cluster.failure;
            if (cause !== null && !answered) throw unavailable(`log '${log}' (${cluster.label})`, cause);
            return [];
          }
          try {
            if (await round(cursors, Math.max(1, end - performance.now()), stop.promise)) answered = true;
          } catch (error) {
            if (closed || cluster.closed.aborted) continue;
            if (!isTransient(error) && !isTidemarkError(error)) throw unavailable(`log '${log}' (${cluster.label})`, error);
            trouble = asError(error);
            failure = error;
            answered ||= error instanceof BrokerRefusal && isMoved(error.errorCode);
            await stop.orAfter(pauseMs);
            pauseMs = Math.min(pauseMs * 2, longestPauseMs);
          }
        }
      } finally {
        stop?.release();
        interrupt = () => {};
      }
    },
    async close() {
      closed = true;
      interrupt();
      polls.clear();
      await connections.close();
    },
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
