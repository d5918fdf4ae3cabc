/** Where partitions begin and end. */
import { listOffsetsV9 } from "@platformatic/kafka";
import { answerOf, type Cluster } from "./cluster.ts";
import { request } from "./connections.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";

const readCommitted = 1;
const readUncommitted = 0;
const timestamps = { start: -2n, end: -1n, written: -1n } as const;

/**
 * By partition: the first offset still there ("start"), the one before the first open transaction, or after all there is ("end"), or the one
 * after the last acknowledged record, whoever has a transaction open before it ("written").
 * @throws UNAVAILABLE, CLOSED, NOT_FOUND
 */
export async function listOffsets(
  cluster: Cluster,
  topic: string,
  partitions: readonly number[],
  which: "start" | "end" | "written",
): Promise<Map<number, number>> {
  const isolation = which === "written" ? readUncommitted : readCommitted;
  if (partitions.length === 0) return new Map();
  const answers = await cluster.leaders(topic, partitions, async (connection, own) => {
    const asked = own.map((partitionIndex) => ({ partitionIndex, currentLeaderEpoch: -1, timestamp: timestamps[which] }));
    const answer = await request(
      connection,
      listOffsetsV9.api,
      () => listOffsetsV9.createRequest(-1, isolation, [{ name: topic, partitions: asked }]),
      (reader) => answerOf(() => listOffsetsV9.parseResponse(0, listOffsetsV9.api.key, listOffsetsV9.api.version, reader)),
    );
    const found = answer.topics.flatMap((t) => t.partitions);
    for (const { partitionIndex, errorCode } of found)
      if (errorCode !== code.none) throw new BrokerRefusal(`offsets of ${topic}, partition ${partitionIndex}`, errorCode);
    return found;
  });
  return new Map(answers.flat().map((partition) => [partition.partitionIndex, Number(partition.offset)]));
}
