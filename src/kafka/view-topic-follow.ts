/** Follows all partitions of a view's topic: one long poll for each broker that leads some of them. */
import { TidemarkError } from "../errors.ts";
import { pause, wake } from "../runtime/wake.ts";
import { nextOffsetOf } from "./batch-decoder.ts";
import type { Cluster } from "./cluster.ts";
import type { Connections } from "./connections.ts";
import type { BrokerAddress } from "./options.ts";
import { code, isMoved, isTransient } from "./protocol-errors.ts";
import { diverged, type TopicPlace } from "./view-topic-reading.ts";
import { readTopicRecords, type TopicSink } from "./view-topic-records.ts";
import { fetchFrom } from "./wire-fetch.ts";

export interface FollowOptions {
  sinkOf(partition: number): TopicSink;
  /** Something was read of it. */
  onRead(partition: number): void;
}

const longPollMs = 5_000;
const requestTimeoutMs = longPollMs + 10_000;
const sizes = { partitionBytes: 1280 * 1024, totalBytes: 8 * 1024 * 1024 };
const failurePauseMs = 50;
/** Between two looks for a leader. */
const longestPauseMs = 2_000;
/** Far below the time for which tombstones are kept (24 h): who was away for longer may have missed some. */
const trustedForMs = 6 * 3_600_000;

const addressOf = ({ host, port }: BrokerAddress): string => `${host}:${port}`;

/** Until `stop`; `offsets` are moved on. What may pass is tried again for ever. @throws VIEW_STORE_DIVERGED */
export async function followTopic(
  cluster: Cluster,
  place: TopicPlace,
  offsets: Map<number, number>,
  stop: AbortSignal,
  options: FollowOptions,
): Promise<void> {
  const { topic, topicId } = place;
  const failed = new AbortController();
  const ended = AbortSignal.any([stop, failed.signal]);
  const changed = wake();
  const polls = new Map<string, Promise<void>>();
  let failure: Error | null = null;
  let readAt = Date.now();

  const fail = (error: unknown): void => {
    failure ??= error instanceof Error ? error : new Error(String(error));
    failed.abort();
  };
  const fetchAll = async (connections: Connections, leader: BrokerAddress, own: readonly number[]): Promise<void> => {
    const from = own.map((partition) => ({ partition, offset: offsets.get(partition)! }));
    const answers = await fetchFrom(await connections.to(leader), topicId, from, { maxWaitMs: longPollMs, ...sizes });
    if (Date.now() - readAt > trustedForMs)
      throw diverged(place, "it was out of reach for so long that deletions may have been missed; start again");
    for (const { partition, errorCode, bytes, aborted } of answers) {
      const offset = offsets.get(partition)!;
      if (errorCode === code.offsetOutOfRange) throw diverged(place, `partition ${partition} does not hold offset ${offset}`);
      if (isMoved(errorCode)) throw new TidemarkError("UNAVAILABLE", { what: `Topic ${topic}, partition ${partition}` });
      if (errorCode !== code.none) throw diverged(place, `partition ${partition} cannot be read, error ${errorCode}`);
      const next = nextOffsetOf(bytes, offset);
      if (next === offset) continue;
      readTopicRecords(bytes, offset, aborted, place, options.sinkOf(partition));
      offsets.set(partition, next);
      options.onRead(partition);
    }
    readAt = Date.now();
  };

  /** As long as this broker leads a partition. */
  const poll = async (leader: BrokerAddress): Promise<void> => {
    const connections = cluster.connections(requestTimeoutMs);
    const close = () => void connections.close();
    ended.addEventListener("abort", close);
    try {
      while (!ended.aborted) {
        try {
          const metadata = await cluster.topic(topic);
          const own = [...offsets.keys()].filter((partition) => {
            const found = metadata?.leaders[partition];
            return found != null && addressOf(found) === addressOf(leader);
          });
          if (own.length === 0) return;
          await fetchAll(connections, leader, own);
        } catch (error) {
          if (ended.aborted) return;
          const passes = error instanceof TidemarkError ? error.code === "UNAVAILABLE" : isTransient(error);
          if (!passes) throw error;
          await pause(failurePauseMs, ended);
          await lookAgain();
        }
      }
    } finally {
      ended.removeEventListener("abort", close);
      await connections.close();
    }
  };
  const lookAgain = async (): Promise<void> => {
    try {
      const metadata = await cluster.refresh(topic);
      if (metadata !== null && metadata.topicId !== topicId) throw diverged(place, "it was deleted and made again");
    } catch (error) {
      if (error instanceof TidemarkError && error.code === "VIEW_STORE_DIVERGED") throw error;
    }
    changed.signal();
  };
  const start = (leader: BrokerAddress): void => {
    const address = addressOf(leader);
    if (polls.has(address)) return;
    const running = poll(leader)
      .catch(fail)
      .finally(() => {
        polls.delete(address);
        changed.signal();
      });
    polls.set(address, running);
  };

  for (let pauseMs = failurePauseMs; !ended.aborted;) {
    const ticket = changed.ticket();
    const metadata = await cluster.topic(topic).catch(() => null);
    for (const leader of metadata?.leaders ?? []) if (leader !== null) start(leader);
    if ([...offsets.keys()].every((partition) => metadata?.leaders[partition] != null)) {
      pauseMs = failurePauseMs;
      await changed.after(ticket, { signal: ended });
      continue;
    }
    // nobody tells when a partition has a leader again
    await pause(pauseMs, ended);
    pauseMs = Math.min(pauseMs * 2, longestPauseMs);
    if (!ended.aborted) await lookAgain().catch(fail);
  }
  await Promise.all(polls.values());
  if (failure !== null) throw failure as Error;
}
