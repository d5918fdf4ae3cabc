/** Reads partitions of a topic from given offsets, each by a long poll on a connection of its own: none waits for another. Of a long way to go, the next fetch is under way while records are worked on. */
import { TidemarkError } from "../errors.ts";
import type { CommandsRead } from "../runtime/command-ports.ts";
import { pause } from "../runtime/wake.ts";
import { nextOffsetOf } from "./batch-decoder.ts";
import type { Cluster, TopicMetadata } from "./cluster.ts";
import type { Connections } from "./connections.ts";
import { plainRecords } from "./plain-records.ts";
import { BrokerRefusal, code, isMoved, isTransient, unavailable } from "./protocol-errors.ts";
import { fetchFrom } from "./wire-fetch.ts";

export interface TopicReader {
  /**
   * Waits until there is something from `offset` on, if only markers, or `signal` aborts (then nothing, and `next` is `offset`). At most one call at a time for a partition.
   * @throws LOG_DIVERGED where the topic is another one or does not hold `offset`; UNAVAILABLE
   */
  next(partition: number, offset: number, signal: AbortSignal): Promise<CommandsRead>;
  close(): Promise<void>;
}

export interface TopicReaderOptions {
  readonly topic: string;
  readonly topicId: string;
  /** For messages. */
  readonly log: string;
}

interface Reading {
  readonly connections: Connections;
  readonly ended: AbortController;
  ahead: { readonly offset: number; readonly read: Promise<CommandsRead> } | null;
}

const longPollMs = 5_000;
const requestTimeoutMs = longPollMs + 10_000;
const sizes = { partitionBytes: 1280 * 1024, totalBytes: 1280 * 1024 };
const readAheadFrom = 500;
const failurePauseMs = 50;
const failureLimitMs = 5_000;

export function topicReader(cluster: Cluster, { topic, topicId, log }: TopicReaderOptions): TopicReader {
  const readings = new Map<number, Reading>();
  const diverged = (partition: number, problem: string) => new TidemarkError("LOG_DIVERGED", { log, partition, problem });

  function same(partition: number, metadata: TopicMetadata | null): void {
    if (metadata !== null && metadata.topicId !== topicId) throw diverged(partition, `topic ${topic} was deleted and made again`);
  }

  async function read(reading: Reading, partition: number, offset: number): Promise<CommandsRead> {
    const stop = AbortSignal.any([reading.ended.signal, cluster.closed]);
    let failingSince: number | null = null;
    while (!stop.aborted) {
      try {
        const metadata = await cluster.topic(topic);
        same(partition, metadata);
        const leader = metadata?.leaders[partition];
        if (leader == null) throw new BrokerRefusal(`${topic}, partition ${partition}`, metadata === null ? code.unknownTopic : 5);
        const connection = await reading.connections.to(leader);
        const [answer] = await fetchFrom(connection, topicId, [{ partition, offset }], { maxWaitMs: longPollMs, ...sizes });
        const errorCode = answer?.errorCode ?? code.unknownTopic;
        if (errorCode === code.offsetOutOfRange)
          throw diverged(partition, `topic ${topic}, partition ${partition}, does not hold offset ${offset}`);
        if (answer === undefined || errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
        failingSince = null;
        const records = plainRecords(answer.bytes, offset, partition, answer.aborted);
        const next = nextOffsetOf(answer.bytes, offset);
        if (next > offset) return { records, next };
      } catch (error) {
        if (stop.aborted) break;
        if (error instanceof TidemarkError) throw error;
        if (!isTransient(error) && !(error instanceof BrokerRefusal && isMoved(error.errorCode))) throw error;
        failingSince ??= performance.now();
        if (performance.now() - failingSince > failureLimitMs) throw unavailable(`topic ${topic}, partition ${partition},`, error);
        await pause(failurePauseMs, stop);
        if (!stop.aborted) same(partition, await cluster.refresh(topic));
      }
    }
    return { records: [], next: offset };
  }

  function start(reading: Reading, partition: number, offset: number): Promise<CommandsRead> {
    const begun = read(reading, partition, offset);
    // told to whoever takes it
    begun.catch(() => undefined);
    reading.ahead = { offset, read: begun };
    return begun;
  }

  async function end(partition: number): Promise<void> {
    const reading = readings.get(partition);
    readings.delete(partition);
    reading?.ended.abort();
    await reading?.connections.close();
  }

  return {
    async next(partition, offset, signal) {
      if (signal.aborted) return { records: [], next: offset };
      // what was read ahead from elsewhere holds its connection until its poll ends
      const before = readings.get(partition)?.ahead;
      if (before != null && before.offset !== offset) await end(partition);
      if (signal.aborted) return { records: [], next: offset };
      let reading = readings.get(partition);
      if (reading === undefined) {
        reading = { connections: cluster.connections(requestTimeoutMs), ended: new AbortController(), ahead: null };
        readings.set(partition, reading);
      }
      const { promise: aborted, resolve } = Promise.withResolvers<CommandsRead>();
      const onAbort = (): void => resolve({ records: [], next: offset });
      signal.addEventListener("abort", onAbort, { once: true });
      try {
        const wanted = reading.ahead?.offset === offset ? reading.ahead.read : start(reading, partition, offset);
        const read = await Promise.race([wanted, aborted]);
        // where few came, the next fetch is made when they are done with: it brings all that came meanwhile, not the first of it
        if (read.records.length >= readAheadFrom) void start(reading, partition, read.next);
        else reading.ahead = null;
        return read;
      } catch (error) {
        reading.ahead = null;
        throw error;
      } finally {
        signal.removeEventListener("abort", onAbort);
        if (signal.aborted) await end(partition);
      }
    },
    async close() {
      await Promise.all([...readings.keys()].map(end));
    },
  };
}
