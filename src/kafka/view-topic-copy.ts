/**
 * What a process that answers queries has read of one generation: the documents as text, with the fields that `find` looks at. A transaction's documents
 * are seen together with its checkpoint, so what it says is covered, is there to be read.
 */
import { scalarOf } from "../core/condition.ts";
import type { AnyView, Document } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { find } from "../runtime/find-in-memory.ts";
import type { FindQuery, FoundPage, StoredDocument } from "../runtime/ports.ts";
import { pause, wake } from "../runtime/wake.ts";
import type { Cluster } from "./cluster.ts";
import { isTransient } from "./protocol-errors.ts";
import { followTopic } from "./view-topic-follow.ts";
import type { TopicPlace } from "./view-topic-reading.ts";
import { atStart, type TopicCheckpoint, type TopicDocument, type TopicLabel } from "./view-topic-records.ts";
import { listOffsets } from "./wire-offsets.ts";

export interface TopicCopy {
  /** Everything that was committed when it began is read. */
  readonly ready: boolean;
  /** It can go no further. */
  readonly failure: Error | null;
  /** What is read of a partition's log; position 0 where nothing is yet. */
  checkpoint(partition: number): TopicCheckpoint;
  /** Waits until `condition` holds, it fails, or the time is over (false). @throws what it failed with */
  until(condition: () => boolean, maxWaitMs: number): Promise<boolean>;
  get(keys: readonly string[]): readonly (StoredDocument | undefined)[];
  /** @throws INVALID_INPUT, INVALID_CURSOR */
  find(query: FindQuery): FoundPage;
  close(): Promise<void>;
}

export interface TopicCopyOptions {
  readonly view: AnyView;
  readonly label: TopicLabel;
  /** Whether this is the topic that the generation's checkpoints were made with. @throws VIEW_STORE_DIVERGED, GENERATION_MOVED */
  readonly verify: (topicId: string) => Promise<void>;
  readonly onCheckpoint: (partition: number, checkpoint: TopicCheckpoint) => void;
  readonly onReady: () => void;
}

interface Entry extends StoredDocument {
  /** The whole document; `document` has the fields that queries name. */
  readonly text: string;
}

const missingPauseMs = 200;

export function openTopicCopy(cluster: Cluster, { view, label, verify, onCheckpoint, onReady }: TopicCopyOptions): TopicCopy {
  const indexed = [...new Set(view.indexes.flat())];
  const entries = new Map<string, Entry>();
  const staged = new Map<number, [string, TopicDocument][]>();
  const checkpoints = new Map<number, TopicCheckpoint>();
  const changed = wake();
  const stop = new AbortController();
  const ended = AbortSignal.any([stop.signal, cluster.closed]);
  let ready = false;
  let failure: Error | null = null;

  const queried = (text: string): Document => {
    if (indexed.length === 0) return {};
    const document = JSON.parse(text) as Document;
    return Object.fromEntries(indexed.map((field) => [field, scalarOf(document[field])]));
  };
  const whole = (entry: Entry): StoredDocument => ({
    document: JSON.parse(entry.text) as Document,
    version: entry.version,
    lastUpdated: entry.lastUpdated,
  });
  const show = (partition: number, checkpoint: TopicCheckpoint): void => {
    for (const [key, { text, version, lastUpdated }] of staged.get(partition) ?? []) {
      if (text === null) entries.delete(key);
      else entries.set(key, { text, version, lastUpdated, document: queried(text) });
    }
    staged.delete(partition);
    checkpoints.set(partition, checkpoint);
  };
  const sinkOf = (partition: number) => ({
    document(key: string, document: TopicDocument) {
      const waiting = staged.get(partition);
      if (waiting === undefined) staged.set(partition, [[key, document]]);
      else waiting.push([key, document]);
    },
    checkpoint: (checkpoint: TopicCheckpoint) => show(partition, checkpoint),
  });

  /** The projection makes the topic; it may be a while. */
  async function identify(): Promise<{ readonly place: TopicPlace; readonly partitions: readonly number[] } | null> {
    while (!ended.aborted) {
      try {
        const metadata = await cluster.refresh(label.topic);
        if (metadata !== null) {
          await verify(metadata.topicId);
          return { place: { ...label, topicId: metadata.topicId }, partitions: [...metadata.leaders.keys()] };
        }
      } catch (error) {
        // also the read database, which knows the generation, may be down for a while
        if (isFinal(error)) throw error;
      }
      await pause(missingPauseMs, ended);
    }
    return null;
  }

  async function run(): Promise<void> {
    const found = await identify();
    if (found === null) return;
    const { place, partitions } = found;
    const bounds = await Promise.all([
      listOffsets(cluster, place.topic, partitions, "start"),
      listOffsets(cluster, place.topic, partitions, "end"),
    ]);
    const [offsets, ends] = bounds;
    const look = (): void => {
      if (ready || !partitions.every((partition) => offsets.get(partition)! >= ends.get(partition)!)) return;
      ready = true;
      onReady();
    };
    look();
    changed.signal();
    await followTopic(cluster, place, offsets, ended, {
      sinkOf,
      onRead(partition) {
        look();
        changed.signal();
        if (ready) onCheckpoint(partition, checkpoints.get(partition) ?? atStart);
      },
    });
  }

  async function keepRunning(): Promise<void> {
    for (;;) {
      try {
        return await run();
      } catch (error) {
        if (ended.aborted) return;
        if (ready || !mayPass(error)) {
          failure = error instanceof Error ? error : new Error(String(error));
          changed.signal();
          return;
        }
        entries.clear();
        staged.clear();
        checkpoints.clear();
        await pause(missingPauseMs, ended);
      }
    }
  }
  const running = keepRunning();

  return {
    get ready() {
      return ready;
    },
    get failure() {
      return failure;
    },
    checkpoint: (partition) => (ready ? checkpoints.get(partition) : undefined) ?? atStart,
    async until(condition, maxWaitMs) {
      const end = performance.now() + maxWaitMs;
      for (;;) {
        const ticket = changed.ticket();
        if (failure !== null) throw failure;
        if (condition()) return true;
        const leftMs = end - performance.now();
        if (leftMs <= 0 || ended.aborted) return false;
        await changed.after(ticket, { maxWaitMs: leftMs, signal: ended });
      }
    },
    get: (keys) =>
      keys.map((key) => {
        const entry = entries.get(key);
        return entry === undefined ? undefined : whole(entry);
      }),
    find(query) {
      const { items, next } = find(view, entries, query);
      return { items: (items as readonly Entry[]).map(whole), next };
    },
    async close() {
      stop.abort();
      await running;
      entries.clear();
    },
  };
}

/** What no other attempt changes. */
const isFinal = (error: unknown): boolean => error instanceof TidemarkError && error.code !== "UNAVAILABLE";
const mayPass = (error: unknown): boolean => (error instanceof TidemarkError ? error.code === "UNAVAILABLE" : isTransient(error));
