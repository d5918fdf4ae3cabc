/**
 * Which generations a process that answers queries holds copies of: the one that its release reads. Until a new one is read, the one before goes on
 * answering; so a switch makes nobody wait, and what is told of a generation is what this process has read itself (I5).
 */
import type { AnyView } from "../core/definition.ts";
import { TidemarkError } from "../errors.ts";
import { currentByStatus } from "../runtime/current-generation.ts";
import type { CheckpointMoved, Generation, ViewStatus } from "../runtime/ports.ts";
import { requireFed } from "../runtime/stored-elsewhere.ts";
import type { ViewCatalog } from "../runtime/view-catalog.ts";
import type { Cluster } from "./cluster.ts";
import { openTopicCopy, type TopicCopy } from "./view-topic-copy.ts";
import { viewTopicOf } from "./view-topic-names.ts";
import { diverged } from "./view-topic-reading.ts";
import { atStart } from "./view-topic-records.ts";

export interface TopicCopies {
  known(view: AnyView, generation: number): TopicCopy | undefined;
  /** Opened where it is not yet. One that failed some time ago is begun anew. */
  of(view: AnyView, generation: number): TopicCopy;
  /** Follows what the catalogue says of a view, and says it as this process sees it. */
  follow(view: AnyView, status: ViewStatus): ViewStatus;
  close(view: AnyView, generation: number): Promise<void>;
  closeAll(): Promise<void>;
}

export interface TopicCopiesOptions {
  readonly cluster: Cluster;
  readonly prefix: string;
  readonly catalog: ViewCatalog;
  readonly onCheckpoint: (moved: CheckpointMoved) => void;
  /** Another generation can answer now. */
  readonly onReady: () => void;
}

const failedForMs = 5_000;
const keyOf = ({ name }: AnyView, generation: number): string => `${name}/${generation}`;

export function topicCopies({ cluster, prefix, catalog, onCheckpoint, onReady }: TopicCopiesOptions): TopicCopies {
  const copies = new Map<
    string,
    { readonly copy: TopicCopy; failedAt: number | null; readonly generation: number; readonly view: AnyView }
  >();
  const closing = new Set<Promise<void>>();

  const drop = (key: string): void => {
    const found = copies.get(key);
    copies.delete(key);
    if (found === undefined) return;
    const closed: Promise<void> = found.copy.close().finally(() => closing.delete(closed));
    closing.add(closed);
  };

  function of(view: AnyView, generation: number): TopicCopy {
    const key = keyOf(view, generation);
    const known = copies.get(key);
    if (known !== undefined) {
      if (known.copy.failure === null) return known.copy;
      known.failedAt ??= performance.now();
      if (performance.now() - known.failedAt < failedForMs) return known.copy;
      drop(key);
    }
    const log = view.from[0]!.name;
    const label = { view: view.name, version: view.version, generation, log, topic: viewTopicOf(prefix, view.name, generation) };
    const copy = openTopicCopy(cluster, {
      view,
      label,
      async verify(topicId) {
        // written down by the projection alone: who answers queries writes nothing
        const bound = await catalog.of(view, generation).storage();
        if (bound === null) {
          await requireFed(catalog, view, generation);
          throw notReady(view);
        }
        if (bound !== topicId) throw diverged(label, "it was deleted and made again");
      },
      onCheckpoint: (partition, { position }) => onCheckpoint({ view: view.name, generation, log, partition, position }),
      onReady,
    });
    copies.set(key, { copy, failedAt: null, generation, view });
    return copy;
  }

  const isReady = (view: AnyView, { generation }: Generation): boolean => copies.get(keyOf(view, generation))?.copy.ready === true;

  return {
    of,
    known: (view, generation) => copies.get(keyOf(view, generation))?.copy,
    follow(view, status) {
      const wanted = currentByStatus(view, status);
      if (wanted !== null) of(view, wanted.generation);
      // one that answered before, until the wanted one can
      const standIn =
        wanted === null || isReady(view, wanted)
          ? undefined
          : status.generations.find((g) => g.declaredVersion === view.version && g.state === "previous" && isReady(view, g));
      for (const [key, held] of copies)
        if (held.view.name === view.name && held.generation !== wanted?.generation && held.generation !== standIn?.generation) drop(key);

      const generations = status.generations.map((generation) => {
        const copy = copies.get(keyOf(view, generation.generation))?.copy;
        // one that is given up here is gone for who waits for it
        const own = copy === undefined && generation.state === "previous" ? "retired" : generation.state;
        const state =
          standIn === undefined || wanted === null
            ? own
            : generation.generation === wanted.generation
              ? "building"
              : generation.generation === standIn.generation
                ? "live"
                : own;
        // what nobody has read here covers nothing
        const checkpoints = generation.checkpoints.map((checkpoint) => {
          const read = copy?.checkpoint(checkpoint.partition) ?? atStart;
          return { ...checkpoint, position: read.position, eventId: read.eventId, logId: checkpoint.logId ?? read.logId };
        });
        return { ...generation, state, checkpoints };
      });
      // how long ago the catalogue's were caught up says nothing of a copy that is behind
      const caughtUp = (generation: number): boolean => {
        const copy = copies.get(keyOf(view, generation))?.copy;
        return copy !== undefined && status.ends.every(({ partition, position }) => copy.checkpoint(partition).position >= position);
      };
      return { ...status, generations, caughtUpAgoMs: new Map([...status.caughtUpAgoMs].filter(([generation]) => caughtUp(generation))) };
    },
    async close(view, generation) {
      drop(keyOf(view, generation));
      await Promise.all(closing);
    },
    async closeAll() {
      for (const key of copies.keys()) drop(key);
      await Promise.all(closing);
    },
  };
}

export const notReady = (view: AnyView): TidemarkError<"UNAVAILABLE"> =>
  new TidemarkError("UNAVAILABLE", { what: `The read model '${view.name}' (its topic is still being read)` });
