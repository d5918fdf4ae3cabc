/** How far a log's copy in Kafka goes: read from its last records, the way a relay finds where it is (I3). */
import { TidemarkError } from "../errors.ts";
import type { Tail } from "../runtime/ports.ts";
import { nextOffsetOf, RecordCursor } from "./batch-decoder.ts";
import type { Cluster } from "./cluster.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { RecordReader } from "./record-reading.ts";
import { type FetchFrom, fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

/** The most records that a relay puts into one request for a partition; so many offsets at least are read back. */
export const maxBatchRecords = 1_000;

/** A tail, and the end offset that it was read at. */
export interface TailAt extends Tail {
  readonly endOffset: number;
}

export interface TailsOptions {
  readonly log: string;
  /** Another one is LOG_DIVERGED; null: any. */
  readonly logId: string | null;
  /** What was read before: only what came after it is read. */
  readonly known?: ReadonlyMap<number, TailAt>;
}

interface Search {
  readonly partition: number;
  readonly startOffset: number;
  readonly endOffset: number;
  readonly known: TailAt | undefined;
  /** Where reading began; going back from here while no record of ours was met. */
  from: number;
  next: number;
  highest: { readonly position: number; readonly id: string } | null;
}

const limitMs = 30_000;
const fetchOptions = { maxWaitMs: 100, partitionBytes: 1280 * 1024, totalBytes: 8 * 1024 * 1024 };

/** @throws LOG_DIVERGED, UNAVAILABLE, CLOSED, NOT_FOUND */
export async function readTails(cluster: Cluster, topic: string, partitions: readonly number[], options: TailsOptions): Promise<TailAt[]> {
  const ends = await listOffsets(cluster, topic, partitions, "end");
  const changed = partitions.filter((partition) => options.known?.get(partition)?.endOffset !== ends.get(partition));
  const starts = await listOffsets(cluster, topic, changed, "start");
  const searches = changed.map((partition): Search => {
    const endOffset = ends.get(partition)!;
    const startOffset = starts.get(partition)!;
    const known = options.known?.get(partition);
    // an end that went back is another topic of this name: nothing known holds
    const usable = known !== undefined && known.endOffset < endOffset ? known : undefined;
    const from = Math.max(startOffset, endOffset - maxBatchRecords, usable?.endOffset ?? 0);
    return { partition, startOffset, endOffset, known: usable, from, next: from, highest: null };
  });
  const limit = performance.now() + limitMs;
  for (let open = searches.filter(isOpen); open.length > 0; open = searches.filter(isOpen)) {
    if (performance.now() > limit) throw new TidemarkError("UNAVAILABLE", { what: `the end of topic ${topic}` });
    await step(cluster, topic, open, options);
  }
  const found = new Map(searches.map((search) => [search.partition, tailOf(search)]));
  return partitions.map((partition) => found.get(partition) ?? options.known!.get(partition)!);
}

const isOpen = (search: Search): boolean => search.next < search.endOffset;

async function step(cluster: Cluster, topic: string, open: readonly Search[], options: TailsOptions): Promise<void> {
  const byPartition = new Map(open.map((search) => [search.partition, search]));
  await cluster.leaders(topic, [...byPartition.keys()], async (connection, own, { topicId }) => {
    const from = own.map((partition): FetchFrom => ({ partition, offset: byPartition.get(partition)!.next }));
    for (const { partition, errorCode, bytes, aborted } of await fetchFrom(connection, topicId, from, fetchOptions)) {
      if (errorCode === code.offsetOutOfRange)
        throw new TidemarkError("UNAVAILABLE", { what: `the end of ${topic}, partition ${partition}` });
      if (errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
      const search = byPartition.get(partition)!;
      const records = new RecordCursor(bytes, search.next, aborted);
      const place = new RecordReader(options.log, partition);
      while (records.next()) {
        place.place(records, options.logId);
        if (search.highest === null || place.position > search.highest.position)
          search.highest = { position: place.position, id: place.id };
      }
      search.next = nextOffsetOf(bytes, search.next);
      if (isOpen(search) || search.highest !== null || search.known !== undefined || search.from <= search.startOffset) continue;
      // nothing but markers so far: further back
      search.from = Math.max(search.startOffset, search.from - 4 * (search.endOffset - search.from));
      search.next = search.from;
    }
  });
}

function tailOf({ partition, endOffset, known, highest }: Search): TailAt {
  const everWritten = endOffset > 0;
  if (known !== undefined && (highest === null || highest.position <= known.position)) return { ...known, endOffset };
  return { partition, position: highest?.position ?? 0, eventId: highest?.id ?? null, everWritten, endOffset };
}
