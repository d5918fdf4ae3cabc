/** Reads a log from its topic: one long poll to each leader for all partitions that are wanted, from the reader's own cursors. */
import type { Connection } from "@platformatic/kafka";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Batch, Cursor, LogReader } from "../runtime/ports.ts";
import type { Cluster, TopicMetadata } from "./cluster.ts";
import type { BrokerAddress } from "./options.ts";
import { partitionReader, type PartitionReader } from "./partition-reader.ts";
import { BrokerRefusal, code, isMoved, isTransient, unavailable } from "./protocol-errors.ts";
import { fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

/** A request in flight; it outlives the call that made it, where that got its events from another broker. */
interface Poll {
  readonly from: ReadonlyMap<number, number>;
  /** Never rejects; what failed is in `trouble`. */
  readonly done: Promise<void>;
}

/** More than the largest batch of a relay, so that a partition always moves on. */
const partitionBytes = 1280 * 1024;
const totalBytes = 8 * 1024 * 1024;
const longestPollMs = 20_000;
const pollTimeoutMs = longestPollMs + 10_000;
const firstPauseMs = 20;
const longestPauseMs = 500;

export function openLogReader(cluster: Cluster, log: string, topic: string): LogReader {
  const connections = cluster.connections(pollTimeoutMs);
  const readers = new Map<number, PartitionReader>();
  const polls = new Map<string, Poll>();
  const logId = { known: null as string | null };
  let closed = false;
  let interrupt: () => void = () => {};
  let topicId: string | null = null;
  let turn = 0;
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
    for (const { partition, errorCode, bytes, aborted } of partitions) {
      const reader = readerOf(partition);
      if (reader.wants !== from.get(partition)) continue; // it was sent elsewhere meanwhile
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
    free: Promise<void>,
  ): Poll => {
    const list = [...from].map(([partition, offset]) => ({ partition, offset }));
    // the broker fills the answer in the order of the request: each partition is the first in turn
    const first = turn++ % list.length;
    const inTurn = [...list.slice(first), ...list.slice(0, first)];
    const options = { maxWaitMs: Math.min(Math.ceil(waitMs), longestPollMs), partitionBytes, totalBytes };
    const finished = Promise.withResolvers<void>();
    const started: Poll = { from, done: finished.promise };
    polls.set(key, started);
    const run = async (): Promise<void> => {
      try {
        await free;
        const connection: Connection = await connections.to(leader);
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

  /** The polls that bring what `wanting` wants; those in flight that do are used again. */
  const pollsFor = (metadata: TopicMetadata, wanting: ReadonlyMap<number, number>, waitMs: number): Promise<void>[] => {
    const byLeader = new Map<string, { readonly leader: BrokerAddress; readonly from: Map<number, number> }>();
    for (const [partition, offset] of wanting) {
      const leader = metadata.leaders[partition];
      if (leader == null) {
        trouble = new BrokerRefusal(`${topic}, partition ${partition}`, 5);
        continue;
      }
      const key = `${leader.host}:${leader.port}`;
      const group = byLeader.get(key) ?? { leader, from: new Map<number, number>() };
      group.from.set(partition, offset);
      byLeader.set(key, group);
    }
    return [...byLeader].map(([key, { leader, from }]) => {
      const running = polls.get(key);
      if (running !== undefined && [...from].every(([partition, offset]) => running.from.get(partition) === offset)) return running.done;
      // a poll for something else would hold up this one
      if (running !== undefined) polls.delete(key);
      const free = running === undefined ? Promise.resolve() : connections.drop(leader);
      return poll(leader, key, metadata, from, waitMs, free).done;
    });
  };

  /** False where `stop` came before the brokers were asked for events. */
  const round = async (cursors: readonly Cursor[], waitMs: number, stop: Promise<void>): Promise<boolean> => {
    const metadata = await Promise.race([trouble === null ? cluster.topic(topic) : cluster.refresh(topic), stop]);
    if (metadata === undefined) return false;
    trouble = null;
    if (metadata === null) throw new BrokerRefusal(`topic ${topic}`, code.unknownTopic);
    if (topicId !== null && topicId !== metadata.topicId) for (const reader of readers.values()) reader.restart();
    topicId = metadata.topicId;
    const partitions = cursors.map((cursor) => cursor.partition);
    const lost = partitions.filter((partition) => readerOf(partition).wants === "start");
    const starts = await Promise.race([listOffsets(cluster, topic, lost, "start"), stop]);
    if (starts === undefined) return false;
    for (const [partition, offset] of starts) readerOf(partition).startAt(offset);
    const wanting = new Map<number, number>();
    for (const partition of partitions) {
      const { wants } = readerOf(partition);
      if (typeof wants === "number") wanting.set(partition, wants);
    }
    const running = pollsFor(metadata, wanting, waitMs);
    if (met() === null) await Promise.race([...running, stop]);
    const failed = met();
    if (failed !== null) throw failed;
    pauseMs = firstPauseMs;
    return true;
  };

  return {
    async fetch(cursors, { maxEvents, maxWaitMs, signal }) {
      const end = performance.now() + maxWaitMs;
      const stop = stopper(signal, maxWaitMs);
      interrupt = stop.now;
      const own = cursors.map((cursor) => readerOf(cursor.partition));
      cursors.forEach((cursor, i) => own[i]!.seek(cursor));
      let answered = false;
      let failure: unknown = null;
      try {
        for (;;) {
          for (const reader of own) reader.check();
          const batches = own.map((reader) => reader.take(maxEvents)).filter((batch): batch is Batch => batch !== null);
          if (batches.length > 0 || signal.aborted) return batches;
          if (closed || cluster.closed.aborted) throw new TidemarkError("CLOSED", { what: `the reader of log '${log}'` });
          if (stop.reached) {
            const cause = failure ?? cluster.failure;
            if (cause !== null && !answered) throw unavailable(`log '${log}' (${cluster.label})`, cause);
            return [];
          }
          try {
            if (await round(cursors, end - performance.now(), stop.promise)) answered = true;
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
        stop.release();
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

interface Stopper {
  readonly reached: boolean;
  /** Resolves when it is reached. */
  readonly promise: Promise<void>;
  now(): void;
  orAfter(ms: number): Promise<void>;
  release(): void;
}

/** Reached after `ms`, when `signal` aborts, or when told. */
function stopper(signal: AbortSignal, ms: number): Stopper {
  const { promise, resolve } = Promise.withResolvers<void>();
  let reached = signal.aborted;
  const now = () => {
    reached = true;
    resolve();
  };
  if (reached) resolve();
  const timer = setTimeout(now, ms);
  signal.addEventListener("abort", now);
  return {
    get reached() {
      return reached;
    },
    promise,
    now,
    async orAfter(pauseMs) {
      const { promise: passed, resolve: pass } = Promise.withResolvers<void>();
      const pauseTimer = setTimeout(pass, pauseMs);
      await Promise.race([passed, promise]);
      clearTimeout(pauseTimer);
    },
    release() {
      clearTimeout(timer);
      signal.removeEventListener("abort", now);
    },
  };
}

const asError = (error: unknown): Error => (error instanceof Error ? error : new Error(String(error)));
