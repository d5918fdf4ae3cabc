/**
 * Kafka ends a transaction in two steps: it writes down how, answers, and then writes a marker into each partition. A partition that has no leader at that
 * moment (the only broker of its replicas is being stopped) is taken for deleted and gets no marker, ever: what was acknowledged stays invisible, and so does
 * all that comes after it. Whoever takes the partition ends it then, as the checkpoint says that it was.
 */
import { TidemarkError } from "../errors.ts";
import type { Checkpoint } from "../runtime/ports.ts";
import { nextOffsetOf } from "./batch-decoder.ts";
import type { Cluster } from "./cluster.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import type { TopicPlace } from "./view-topic-reading.ts";
import { readTopicRecords, type TopicCheckpoint } from "./view-topic-records.ts";
import type { Transactions } from "./view-topic-transaction.ts";
import { fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

const sizes = { partitionBytes: 4 * 1024 * 1024, totalBytes: 4 * 1024 * 1024 };
const fetchWaitMs = 100;

/**
 * After `begun` no transaction of this topic's writers is under way, so whatever still holds up readers has lost its marker. It was committed where the checkpoint
 * `from` follows it (that moves after Kafka's answer alone), and is taken back where it does not: nobody has read it.
 * @throws UNAVAILABLE where it is not this transactional id's to end
 */
export async function settleHanging(cluster: Cluster, place: TopicPlace, begun: Transactions, from: Checkpoint): Promise<void> {
  const { topic } = place;
  const { partition } = from;
  const bounds = async () => {
    // the end first: what is written after it holds up nobody's reading of what is before
    const end = (await listOffsets(cluster, topic, [partition], "written")).get(partition)!;
    return { stable: (await listOffsets(cluster, topic, [partition], "end")).get(partition)!, end };
  };
  const { stable, end } = await bounds();
  if (stable >= end) return;
  const hanging = await lastCheckpoint(cluster, place, partition, stable, end);
  await begun.settle(hanging !== null && hanging.position <= from.position ? "commit" : "abort");
  if ((await bounds()).stable < end)
    throw new TidemarkError("UNAVAILABLE", {
      what: `Topic ${topic}, partition ${partition} (a transaction from offset ${stable} on that nobody ends: kafka-transactions.sh finds and aborts it)`,
    });
}

/** Between `offset` and `end`, committed or not. */
async function lastCheckpoint(
  cluster: Cluster,
  place: TopicPlace,
  partition: number,
  from: number,
  end: number,
): Promise<TopicCheckpoint | null> {
  const { topic, topicId } = place;
  let found: TopicCheckpoint | null = null;
  for (let offset = from; offset < end;) {
    await cluster.leaders(topic, [partition], async (connection) => {
      const [answer] = await fetchFrom(connection, topicId, [{ partition, offset }], {
        maxWaitMs: fetchWaitMs,
        ...sizes,
        uncommitted: true,
      });
      const errorCode = answer?.errorCode ?? code.unknownTopic;
      if (answer === undefined || errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
      readTopicRecords(answer.bytes, offset, [], place, { document: () => undefined, checkpoint: (read) => void (found = read) });
      offset = nextOffsetOf(answer.bytes, offset);
    });
  }
  return found;
}
