/** Reads one partition of a view's topic up to its end: what a worker does before it writes. */
import { TidemarkError } from "../errors.ts";
import { pause } from "../runtime/wake.ts";
import { nextOffsetOf } from "./batch-decoder.ts";
import type { Cluster } from "./cluster.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { readTopicRecords, type TopicLabel, type TopicSink } from "./view-topic-records.ts";
import { fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

/** One generation's topic, which must stay the very one that it was. */
export interface TopicPlace extends TopicLabel {
  readonly topicId: string;
}

export const diverged = ({ view, generation, topic }: TopicLabel, problem: string) =>
  new TidemarkError("VIEW_STORE_DIVERGED", { view, generation, store: `topic ${topic} (${problem})` });

const sizes = { partitionBytes: 4 * 1024 * 1024, totalBytes: 4 * 1024 * 1024 };
const fetchWaitMs = 100;
const missingLimitMs = 2_000;
const missingPauseMs = 50;
const standstillLimitMs = 10_000;

/** Asked for some time, since a broker that is just starting may not know its topics yet. @throws VIEW_STORE_DIVERGED where the topic is gone or another one, UNAVAILABLE, CLOSED */
export async function requireTopic(cluster: Cluster, place: TopicPlace): Promise<void> {
  for (const end = performance.now() + missingLimitMs; ;) {
    const metadata = await cluster.refresh(place.topic);
    if (metadata !== null && metadata.topicId !== place.topicId) throw diverged(place, "it was deleted and made again");
    if (metadata !== null) return;
    if (performance.now() > end) throw diverged(place, "it is gone");
    await pause(missingPauseMs, cluster.closed);
  }
}

/**
 * From `from` (null: the beginning) to the end of what is committed now; answers where that is. A transaction that is still open ends it.
 * @throws VIEW_STORE_DIVERGED, UNAVAILABLE, CLOSED
 */
export async function readToEnd(
  cluster: Cluster,
  place: TopicPlace,
  partition: number,
  from: number | null,
  sink: TopicSink,
): Promise<number> {
  const { topic } = place;
  await requireTopic(cluster, place);
  const end = (await listOffsets(cluster, topic, [partition], "end")).get(partition)!;
  const offset = from ?? (await listOffsets(cluster, topic, [partition], "start")).get(partition)!;
  if (offset > end) throw diverged(place, `partition ${partition} ends at ${end}, after it was read up to ${offset}`);
  return readUpTo(cluster, place, partition, offset, end, sink);
}

/**
 * From `from` until `end` or later; answers where it stopped. `uncommitted`: also what stands in a transaction that is open, or was taken back.
 * @throws as `readToEnd`
 */
export async function readUpTo(
  cluster: Cluster,
  place: TopicPlace,
  partition: number,
  from: number,
  end: number,
  sink: TopicSink,
  { uncommitted = false }: { readonly uncommitted?: boolean } = {},
): Promise<number> {
  const { topic, topicId } = place;
  let offset = from;
  for (let movedAt = performance.now(); offset < end;) {
    const before: number = offset;
    await cluster.leaders(topic, [partition], async (connection) => {
      const [answer] = await fetchFrom(connection, topicId, [{ partition, offset }], { maxWaitMs: fetchWaitMs, ...sizes, uncommitted });
      const errorCode = answer?.errorCode ?? code.unknownTopic;
      if (errorCode === code.offsetOutOfRange) throw diverged(place, `partition ${partition} does not hold offset ${offset}`);
      if (answer === undefined || errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
      const next = nextOffsetOf(answer.bytes, offset);
      readTopicRecords(answer.bytes, offset, answer.aborted, place, sink);
      offset = next;
    });
    if (offset > before) movedAt = performance.now();
    else if (performance.now() - movedAt > standstillLimitMs)
      throw new TidemarkError("UNAVAILABLE", { what: `The end of topic ${topic}, partition ${partition}` });
  }
  return offset;
}
