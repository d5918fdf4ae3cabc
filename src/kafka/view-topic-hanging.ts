/**
 * Kafka ends a transaction in two steps: it writes down how, answers, and then writes a marker into each partition. A partition that has no leader at that
 * moment (the only broker of its replicas is being stopped) is taken for deleted and gets no marker, ever: what was acknowledged stays invisible, and so does
 * all that comes after it. Whoever takes the partition ends it then, as the checkpoint says that it was.
 */
import { TidemarkError } from "../errors.ts";
import type { Checkpoint } from "../runtime/ports.ts";
import type { Cluster } from "./cluster.ts";
import { readUpTo, type TopicPlace } from "./view-topic-reading.ts";
import type { TopicCheckpoint } from "./view-topic-records.ts";
import type { Transactions } from "./view-topic-transaction.ts";
import { listOffsets } from "./wire-offsets.ts";

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
  let hanging = null as number | null;
  const sink = { document: () => undefined, checkpoint: ({ position }: TopicCheckpoint) => void (hanging = position) };
  await readUpTo(cluster, place, partition, stable, end, sink, { uncommitted: true });
  await begun.settle(hanging !== null && hanging <= from.position ? "commit" : "abort");
  if ((await bounds()).stable < end)
    throw new TidemarkError("UNAVAILABLE", {
      what: `Topic ${topic}, partition ${partition} (a transaction from offset ${stable} on that nobody ends: kafka-transactions.sh finds and aborts it)`,
    });
}
