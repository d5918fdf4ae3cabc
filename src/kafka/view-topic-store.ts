/** A view store whose documents are compacted topics, one for each generation; its generations and checkpoints are in the catalogue. */
import type { AnyView } from "../core/definition.ts";
import type { CheckpointMoved, Logger, ViewStore } from "../runtime/ports.ts";
import { droppingRetired, generationMoved, requireFed } from "../runtime/stored-elsewhere.ts";
import type { ViewCatalog } from "../runtime/view-catalog.ts";
import type { Cluster } from "./cluster.ts";
import { notReady, topicCopies } from "./view-topic-copies.ts";
import type { TopicCopy } from "./view-topic-copy.ts";
import { acceptView, kind, viewTopicOf } from "./view-topic-names.ts";
import { type TopicGeneration, topicGeneration } from "./view-topic-projection.ts";
import { deleteTopic } from "./view-topic-setup.ts";

export interface TopicViewStoreOptions {
  readonly catalog: ViewCatalog;
  readonly cluster: Cluster;
  /** Before the topics' names. */
  readonly prefix: string;
  readonly logger: Logger;
}

export interface TopicViewStore extends ViewStore {
  /** Resolves when this process has read of the generation what is committed now, as far as the catalogue knows. For tests and tools: queries wait by tokens. */
  caughtUp(view: AnyView, generation: number): Promise<void>;
}

const writeConnections = 4;
const requestTimeoutMs = 15_000;
/** How long a query waits for the first reading of a topic. */
const readyWaitMs = 5_000;
const currentWaitMs = 1_000;

/** Closing it closes the catalogue and the cluster. */
export function topicViewStore({ catalog, cluster, prefix, logger }: TopicViewStoreOptions): TopicViewStore {
  /** By view and generation, then by definition: another one of the same name may be another version. */
  const generations = new Map<string, Map<AnyView, TopicGeneration>>();
  const checkpointCallbacks = new Set<(moved: CheckpointMoved | undefined) => void>();
  const generationCallbacks = new Set<() => void>();
  const connections = Array.from({ length: writeConnections }, () => cluster.connections(requestTimeoutMs));
  const copies = topicCopies({
    cluster,
    prefix,
    catalog,
    onCheckpoint(moved) {
      for (const callback of checkpointCallbacks) callback(moved);
    },
    onReady() {
      for (const callback of generationCallbacks) callback();
    },
  });
  const keyOf = (view: string, generation: number): string => `${view}/${generation}`;
  let watching: Promise<unknown> | undefined;

  /** What others write is not held here any more. */
  async function watch(): Promise<void> {
    watching ??= catalog.onCheckpoint((moved) => {
      if (moved === undefined) return;
      for (const each of generations.get(keyOf(moved.view, moved.generation))?.values() ?? []) each.moved(moved.partition, moved.position);
    });
    try {
      await watching;
    } catch (error) {
      watching = undefined;
      throw error;
    }
  }
  const generationOf = (view: AnyView, generation: number): TopicGeneration => {
    const key = keyOf(view.name, generation);
    const connectionsFor = (partition: number) => connections[partition % connections.length]!;
    const ofKey = generations.get(key) ?? new Map<AnyView, TopicGeneration>();
    generations.set(key, ofKey);
    const known = ofKey.get(view) ?? topicGeneration({ cluster, prefix, catalog, logger, connectionsFor }, view, generation);
    ofKey.set(view, known);
    return known;
  };
  const forget = (view: AnyView, generation: number): void => {
    const key = keyOf(view.name, generation);
    for (const each of generations.get(key)?.values() ?? []) each.release();
    generations.delete(key);
  };
  async function drop(view: AnyView, generation: number): Promise<void> {
    forget(view, generation);
    await copies.close(view, generation);
    await deleteTopic(cluster, viewTopicOf(prefix, view.name, generation));
  }
  async function readyCopy(view: AnyView, generation: number): Promise<TopicCopy> {
    const known = copies.known(view, generation);
    if (known?.ready === true && known.failure === null) return known;
    // given up here: who waited for it goes on with the next one
    if (known === undefined && checkpointCallbacks.size > 0) throw generationMoved(view, generation);
    await requireFed(catalog, view, generation);
    const copy = copies.of(view, generation);
    if (!(await copy.until(() => copy.ready, readyWaitMs))) throw notReady(view);
    return copy;
  }

  return {
    name: kind,
    async migrate(options) {
      await catalog.migrate(options);
      await cluster.refresh(viewTopicOf(prefix, "any", 0));
    },
    accept: acceptView,
    ...droppingRetired(catalog, drop),
    projection(view, generation) {
      const { projection } = generationOf(view, generation);
      return {
        ...projection,
        async checkpoints(partitions) {
          await watch();
          return projection.checkpoints(partitions);
        },
      };
    },
    /** Where queries are answered, not before the topic is read: a process is ready by it. */
    async current(view) {
      const current = await catalog.current(view);
      if (current === null || checkpointCallbacks.size === 0) return current;
      const [status] = await catalog.status([view]);
      if (
        status === undefined ||
        copies.follow(view, status).generations.find((g) => g.generation === current.generation)?.state === "building"
      )
        return current;
      const copy = copies.of(view, current.generation);
      if (!(await copy.until(() => copy.ready, currentWaitMs))) throw notReady(view);
      return current;
    },
    async get(view, generation, keys) {
      const found = (await readyCopy(view, generation)).get(keys);
      if (found.includes(undefined)) await requireFed(catalog, view, generation);
      return found;
    },
    async find(view, generation, query) {
      const page = (await readyCopy(view, generation)).find(query);
      if (page.items.length < query.limit) await requireFed(catalog, view, generation);
      return page;
    },
    async status(views) {
      const all = await catalog.status(views);
      // who answers no queries is told how far the projections are
      if (checkpointCallbacks.size === 0) return all;
      return all.map((status) =>
        copies.follow(
          views.find((view) => view.name === status.view)!,
          status,
        ),
      );
    },
    recordEnds: (ends, views) => catalog.recordEnds(ends, views),
    async onCheckpoint(callback) {
      checkpointCallbacks.add(callback);
      // what the catalogue says is not yet read here: the copies tell of what they have read
      const unsubscribe = await catalog.onCheckpoint((moved) => {
        if (moved === undefined) callback(moved);
      });
      return async () => {
        checkpointCallbacks.delete(callback);
        await unsubscribe();
      };
    },
    async onGenerations(callback) {
      generationCallbacks.add(callback);
      const unsubscribe = await catalog.onGenerations(callback);
      return async () => {
        generationCallbacks.delete(callback);
        await unsubscribe();
      };
    },
    withOwnership: (name, stop, run) => catalog.withOwnership(name, stop, run),
    async caughtUp(view, generation) {
      const copy = await readyCopy(view, generation);
      const [status] = await catalog.status([view]);
      const wanted = status?.generations.find((g) => g.generation === generation)?.checkpoints ?? [];
      const reached = () => wanted.every(({ partition, position }) => copy.checkpoint(partition).position >= position);
      if (!(await copy.until(reached, readyWaitMs))) throw notReady(view);
    },
    async close() {
      // a copy may be waiting for Kafka
      await Promise.all([copies.closeAll(), cluster.close()]);
      await catalog.close();
    },
  };
}
