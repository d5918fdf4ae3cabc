/** One (view, generation) as a worker feeds it: the topic first, in one transaction of its own, then the checkpoint in the catalogue, which so is never ahead. */
import type { AnyView } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Logger, ViewProjection } from "../runtime/ports.ts";
import { generationMoved, isRetired, isStillAt } from "../runtime/stored-elsewhere.ts";
import type { ViewCatalog } from "../runtime/view-catalog.ts";
import { pause } from "../runtime/wake.ts";
import type { Cluster } from "./cluster.ts";
import type { Connections } from "./connections.ts";
import { isFenced, unavailable } from "./protocol-errors.ts";
import { viewTopicOf } from "./view-topic-names.ts";
import { diverged, requireTopic, type TopicPlace } from "./view-topic-reading.ts";
import { deleteTopic, ensureViewTopic } from "./view-topic-setup.ts";
import { type TopicWriter, topicWriter } from "./view-topic-writer.ts";

/** Rivals fence each other until only one of them is left: each has had its turn by then. */
const maxAttempts = 5;
const rivalPauseMs = 50;

/** What the workers of one generation share in this process. */
export interface TopicGeneration {
  readonly projection: ViewProjection;
  /** Another worker moved the checkpoint: documents that are not needed here any more are freed. */
  moved(partition: number, position: number): void;
  release(): void;
}

export interface TopicGenerationOptions {
  readonly cluster: Cluster;
  readonly prefix: string;
  readonly catalog: ViewCatalog;
  readonly logger: Logger;
  /** A connection answers one request at a time: partitions take turns on several. */
  readonly connectionsFor: (partition: number) => Connections;
}

export function topicGeneration(
  { cluster, prefix, catalog, logger, connectionsFor }: TopicGenerationOptions,
  view: AnyView,
  generation: number,
): TopicGeneration {
  const log = view.from[0]!.name;
  const topic = viewTopicOf(prefix, view.name, generation);
  const label = { view: view.name, version: view.version, generation, log, topic };
  const checkpoints = catalog.of(view, generation);
  const writers = new Map<number, TopicWriter>();
  let place: TopicPlace | undefined;
  let declared: number | undefined;
  let preparing: Promise<TopicPlace> | undefined;

  async function bound(topicId: string): Promise<TopicPlace> {
    if ((await checkpoints.bind(topicId)) !== topicId) throw diverged(label, "it was deleted and made again");
    place = { ...label, topicId };
    return place;
  }
  async function prepare(partitions: number): Promise<TopicPlace> {
    if (await isRetired(catalog, view, generation)) throw generationMoved(view, generation);
    // what was lost is not made anew
    const stored = await checkpoints.storage();
    if (stored !== null) await requireTopic(cluster, { ...label, topicId: stored });
    const { topicId, weaknesses } = await ensureViewTopic(cluster, topic, log, partitions);
    try {
      const found = await bound(topicId);
      for (const problem of weaknesses) logger.warn(problem, { view: view.name, generation, topic });
      return found;
    } catch (error) {
      // retired and dropped meanwhile: what was made since is nobody's
      if (isTidemarkError(error, "GENERATION_MOVED") && (await isRetired(catalog, view, generation))) await deleteTopic(cluster, topic);
      throw error;
    }
  }
  /** The topic as it is there, for who applies without having asked for the checkpoints. */
  async function find(): Promise<TopicPlace> {
    const metadata = await cluster.refresh(topic);
    if (metadata === null) throw diverged(label, "it is gone");
    return bound(metadata.topicId);
  }
  async function writerOf(partition: number): Promise<TopicWriter> {
    const known = writers.get(partition);
    if (known !== undefined) return known;
    const found = place ?? (await find());
    const writer =
      writers.get(partition) ?? topicWriter(cluster, { view, place: found, partition, connections: connectionsFor(partition) });
    writers.set(partition, writer);
    return writer;
  }
  /** A generation is fed by the definition that it was made for, and by no other. */
  async function isOwnVersion(): Promise<boolean> {
    if (declared === undefined) {
      const [status] = await catalog.status([view]);
      declared = status?.generations.find((each) => each.generation === generation)?.declaredVersion;
    }
    return declared === view.version;
  }

  const projection: ViewProjection = {
    view,
    generation,
    async checkpoints(partitions) {
      preparing ??= prepare(partitions.get(log)!);
      try {
        await preparing;
      } catch (error) {
        preparing = undefined;
        // that they stand still is written down beside them
        if (isTidemarkError(error, "VIEW_STORE_DIVERGED")) await checkpoints.checkpoints(partitions);
        throw error;
      }
      return checkpoints.checkpoints(partitions);
    },
    checkpoint: checkpoints.checkpoint,
    recordFailure: checkpoints.recordFailure,
    async apply(from, to, events) {
      if (!(await isOwnVersion())) return "moved";
      for (let attempt = 1; ; attempt++) {
        try {
          const writer = await writerOf(from.partition);
          // whoever comes too late fences nobody
          if (!writer.open && !(await isStillAt(checkpoints, from))) return "moved";
          await writer.write(from, to, events);
          break;
        } catch (error) {
          if (isTidemarkError(error, "CLOSED")) throw error;
          // a worker that was fenced knows nothing of what came after: neither its failures nor its doubts count
          if (!(await isStillAt(checkpoints, from))) return "moved";
          if (isFenced(error) && attempt < maxAttempts) {
            // of rivals that come back at different times, one is done before the next
            await pause(Math.random() * attempt * rivalPauseMs, cluster.closed);
            continue;
          }
          if (error instanceof TidemarkError) throw error;
          throw unavailable(`View '${view.name}' in topic ${topic}, partition ${from.partition} (${String(error)})`, error);
        }
      }
      return checkpoints.move(from, to);
    },
  };
  return {
    projection,
    moved(partition, position) {
      const writer = writers.get(partition);
      if (writer !== undefined && position > writer.position) writer.release();
    },
    release() {
      for (const writer of writers.values()) writer.release();
    },
  };
}
