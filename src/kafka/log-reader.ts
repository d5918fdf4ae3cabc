/** Reads a log from its topic: one long poll to each leader for all partitions that are wanted, from the reader's own cursors. */
import type { Connection } from "@platformatic/kafka";
import { TidemarkError } from "../errors.ts";
import type { Batch, LogReader } from "../runtime/ports.ts";
import type { Cluster, TopicMetadata } from "./cluster.ts";
import type { BrokerAddress } from "./options.ts";
import { partitionReader, type PartitionReader } from "./partition-reader.ts";
import { BrokerRefusal, code, isMoved, isTransient, unavailable } from "./protocol-errors.ts";
import { pause } from "./retry.ts";
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
  const closing = new AbortController();
  let topicId: string | null = null;
  let turn = 0;
  /** The last failure since the last good answer: metadata is asked for again, after a pause. */
  let trouble: unknown = null;
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

  const poll = (leader: BrokerAddress, key: string, metadata: TopicMetadata, from: ReadonlyMap<number, number>, waitMs: number): Poll => {
    const list = [...from].map(([partition, offset]) => ({ partition, offset }));
    // the broker fills the answer in the order of the request: each partition is the first in turn
    const first = turn++ % list.length;
    const inTurn = [...list.slice(first), ...list.slice(0, first)];
    const options = { maxWaitMs: Math.min(Math.ceil(waitMs), longestPollMs), partitionBytes, totalBytes };
    const run = async () => {
      try {
        const connection: Connection = await connections.to(leader);
        absorb(await fetchFrom(connection, metadata.topicId, inTurn, options), from);
      } catch (error) {
        // a poll that was given up says nothing about the broker
        if (polls.get(key) === started) trouble = error;
      } finally {
        if (polls.get(key) === started) polls.delete(key);
      }
    };
    let started: Poll | undefined;
    const done = Promise.resolve().then(run);
    started = { from, done };
    polls.set(key, started);
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
      if (running !== undefined) {
        if ([...from].every(([partition, offset]) => running.from.get(partition) === offset)) return running.done;
        polls.delete(key);
        connections.drop(leader);
      }
      return poll(leader, key, metadata, from, waitMs).done;
    });
  };

  const round = async (partitions: readonly number[], waitMs: number, stop: Promise<void>): Promise<void> => {
    const metadata = await Promise.race([trouble === null ? cluster.topic(topic) : cluster.refresh(topic), stop]);
    if (metadata === undefined) return;
    trouble = null;
    if (metadata === null) throw new BrokerRefusal(`topic ${topic}`, code.unknownTopic);
    if (topicId !== null && topicId !== metadata.topicId) for (const reader of readers.values()) reader.restart();
    topicId = metadata.topicId;
    const lost = partitions.filter((partition) => readerOf(partition).wants === "start");
    const starts = await Promise.race([listOffsets(cluster, topic, lost, "start"), stop]);
    if (starts === undefined) return;
    for (const [partition, offset] of starts) readerOf(partition).startAt(offset);
    const wanting = new Map<number, number>();
    for (const partition of partitions) {
      const { wants } = readerOf(partition);
      if (typeof wants === "number") wanting.set(partition, wants);
    }
    const running = pollsFor(metadata, wanting, waitMs);
    if (running.length > 0) await Promise.race([...running, stop]);
    if (trouble !== null) throw trouble;
    pauseMs = firstPauseMs;
  };

  return {
    async fetch(cursors, { maxEvents, maxWaitMs, signal }) {
      const end = performance.now() + maxWaitMs;
      const ending = AbortSignal.any([signal, closing.signal, cluster.closed]);
      const timed = new AbortController();
      const timer = setTimeout(() => timed.abort(), maxWaitMs);
      const stopping = AbortSignal.any([ending, timed.signal]);
      const stop = new Promise<void>((resolve) => {
        if (stopping.aborted) resolve();
        else stopping.addEventListener("abort", () => resolve(), { once: true });
      });
      const partitions = cursors.map((cursor) => cursor.partition);
      for (const cursor of cursors) readerOf(cursor.partition).seek(cursor);
      let answered = false;
      let failure: unknown = null;
      try {
        for (;;) {
          const batches = partitions.flatMap((partition): Batch[] => readerOf(partition).take(maxEvents) ?? []);
          if (batches.length > 0 || signal.aborted) return batches;
          if (ending.aborted) throw new TidemarkError("CLOSED", { what: `the reader of log '${log}'` });
          if (partitions.length === 0) await stop;
          if (timed.signal.aborted) {
            if (failure !== null && !answered) throw unavailable(`log '${log}' (${cluster.label})`, failure);
            return [];
          }
          try {
            await round(partitions, end - performance.now(), stop);
            answered = true;
          } catch (error) {
            if (!isTransient(error) && !isTidemarkErrorOf(error)) throw unavailable(`log '${log}' (${cluster.label})`, error);
            trouble = error;
            failure = error;
            answered ||= error instanceof BrokerRefusal && isMoved(error.errorCode);
            await pause(pauseMs, stopping);
            pauseMs = Math.min(pauseMs * 2, longestPauseMs);
          }
        }
      } finally {
        clearTimeout(timer);
      }
    },
    async close() {
      closing.abort();
      polls.clear();
      await connections.close();
    },
  };
}

/** Of `cluster`, which has tried for a while: the call's own limit decides. */
const isTidemarkErrorOf = (error: unknown): boolean => error instanceof TidemarkError && (error.code === "UNAVAILABLE" || error.code === "NOT_FOUND" || error.code === "CLOSED");
