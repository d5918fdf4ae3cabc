/** A small world in memory for tests of the runtime: a write store, a broker, a read store, and several "processes" on them. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import type { AnyView } from "../src/core/definition.ts";
import { partitionOf } from "../src/core/partition.ts";
import {
  broker,
  memoryEventStore,
  memoryLogWriters,
  memoryTransport,
  memoryViewStore,
  readDatabase,
  writeDatabase,
  type Broker,
  type FoldedDocument,
  type MemoryEventStore,
  type MemoryLogWriterOptions,
  type MemoryTransportOptions,
  type ReadDatabase,
  type WriteDatabase,
} from "../src/memory/index.ts";
import { toLogEvent } from "../src/runtime/log-event.ts";
import type { AppendCommand, LogIdentity, Logger, StoredEvent, ViewStore } from "../src/runtime/ports.ts";
import { relay, type Relay, type RelayOptions } from "../src/runtime/relay.ts";

/** Waits for a condition that other work in this process brings about. */
export async function eventually(what: string, condition: () => boolean | Promise<boolean>, limitMs = 10_000): Promise<void> {
  for (const end = performance.now() + limitMs; !(await condition());) {
    if (performance.now() > end) throw new assert.AssertionError({ message: `did not come about within ${limitMs} ms: ${what}` });
    await setImmediate();
  }
}

export interface LogLine {
  readonly level: "debug" | "info" | "warn" | "error";
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export function recordingLogger(): Logger & { readonly lines: readonly LogLine[]; has(part: string): boolean } {
  const lines: LogLine[] = [];
  const at =
    (level: LogLine["level"]) =>
    (message: string, fields: Readonly<Record<string, unknown>> = {}) =>
      void lines.push({ level, message, fields });
  return {
    lines,
    has: (part) => lines.some(({ message, fields }) => `${message} ${JSON.stringify(fields)}`.includes(part)),
    debug: at("debug"),
    info: at("info"),
    warn: at("warn"),
    error: at("error"),
  };
}

export type Written = readonly [stream: string, type: string, data: unknown];

export interface World {
  readonly write: WriteDatabase;
  readonly broker: Broker;
  readonly read: ReadDatabase;
  readonly identity: LogIdentity;
  /** The handle by which the world itself appends. */
  readonly store: MemoryEventStore;
  /** Appends one event after the other to `log` and announces them. */
  append(events: readonly Written[], log?: string): Promise<void>;
  /** All events of all logs, as readers get them. */
  events(): ReturnType<typeof toLogEvent>[];
  head(partition: number, log?: string): number;
  /** The positions of the topic's records, with duplicates, in order. */
  topicPositions(partition: number, log?: string): number[];
  /** A relay in a process of its own. */
  relay(
    options?: Partial<RelayOptions> & {
      readonly writer?: MemoryLogWriterOptions;
      readonly store?: MemoryEventStore;
      readonly log?: string;
    },
  ): Relay & { readonly store: MemoryEventStore };
  transport(options?: MemoryTransportOptions): ReturnType<typeof memoryTransport>;
  views(): ReturnType<typeof memoryViewStore>;
  /** Copies stored events to the topic, as a relay would. */
  publish(partition: number, positions: readonly number[], log?: string): void;
}

export async function world({
  partitions = 2,
  logs = ["orders"],
  write = writeDatabase(),
  now,
}: {
  readonly partitions?: number;
  readonly logs?: readonly string[];
  readonly write?: WriteDatabase;
  readonly now?: () => number;
} = {}): Promise<World> {
  const brokers = broker();
  const read = readDatabase(now);
  const store = memoryEventStore(write);
  const identities = await store.openLogs(logs, partitions);
  const first = logs[0]!;
  let count = 0;
  const identityOf = (log: string) => identities.find((identity) => identity.log === log)!;
  return {
    write,
    broker: brokers,
    read,
    store,
    identity: identities[0]!,
    async append(events, log = first) {
      for (const [stream, type, data] of events) {
        count += 1;
        const partition = partitionOf(stream, partitions);
        const version = write.log(log).streams.get(stream)?.length ?? 0;
        const id = `${log}-${count}`;
        const time = new Date(Date.UTC(2026, 0, 1) + count * 1_000).toISOString();
        const metadata = JSON.stringify({ time, commandId: id, correlationId: id, causationId: id });
        const command: AppendCommand = {
          id,
          fingerprint: id,
          log,
          partition,
          stream,
          baseVersion: version,
          expectedVersion: version,
          ifMatch: false,
          kind: "events",
          answer: "{}",
          events: [{ id, type, schemaVersion: 1, data: JSON.stringify(data), metadata }],
        };
        const [outcome] = await store.append(store.laneOf(log, partition), [command]);
        assert.equal(outcome?.status, "appended");
        store.announce(log, [{ partition, position: write.log(log).partitions[partition]!.length }]);
      }
    },
    events: () => logs.flatMap((log) => write.log(log).partitions.flat().map(toLogEvent)),
    head: (partition, log = first) => write.log(log).partitions[partition]!.length,
    topicPositions: (partition, log = first) =>
      brokers.topics
        .get(log)
        ?.partitions[partition]?.from(0)
        .map((record) => record.event.position) ?? [],
    relay({ writer, store: given, log = first, ...options } = {}) {
      const own = given ?? memoryEventStore(write);
      return Object.assign(
        relay({
          store: own,
          identity: identityOf(log),
          openWriter: memoryLogWriters(brokers, writer),
          logger: recordingLogger(),
          maxEventBytes: 1_000,
          ...options,
        }),
        { store: own },
      );
    },
    transport: (options) => memoryTransport(brokers, options),
    views: () => memoryViewStore(read),
    publish(partition, positions, log = first) {
      const stored: StoredEvent[] = positions.map((position) => write.log(log).partitions[partition]![position - 1]!);
      brokers.ensure(log, partitions).partitions[partition]!.append(identityOf(log).logId, stored);
    },
  };
}

/** Every stream of `letters` with `each` events of one type, in turn. */
export const turns = (streams: readonly string[], each: number, type: string, data: unknown): Written[] =>
  Array.from({ length: each }, () => streams.map((stream): Written => [stream, type, data])).flat();

export const range = (from: number, to: number): number[] => Array.from({ length: Math.max(0, to - from + 1) }, (_, i) => from + i);

/** Streams by partition: the first `count` names that belong to each. */
export function streamsOf(partitions: number, count = 1): string[][] {
  const found: string[][] = Array.from({ length: partitions }, () => []);
  for (let i = 0; found.some((streams) => streams.length < count); i++) {
    const streams = found[partitionOf(`s-${i}`, partitions)]!;
    if (streams.length < count) streams.push(`s-${i}`);
  }
  return found;
}

/** All documents that a view store holds, as the oracle says them. */
export async function stored(
  store: ViewStore,
  view: AnyView,
  generation: number,
  keys: Iterable<string>,
): Promise<Map<string, FoldedDocument>> {
  const all = [...keys];
  const found = await store.get(view, generation, all);
  return new Map(all.flatMap((key, i): [string, FoldedDocument][] => (found[i] === undefined ? [] : [[key, found[i]]])));
}
