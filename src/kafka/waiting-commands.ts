/** The ids of commands that wait in a topic, read as far as somebody asks: from the decided positions to the end. */
import { TidemarkError } from "../errors.ts";
import { readHead } from "../runtime/command-record.ts";
import { gather } from "../runtime/gather.ts";
import { nextOffsetOf } from "./batch-decoder.ts";
import type { Cluster } from "./cluster.ts";
import { plainRecords } from "./plain-records.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { fetchFrom } from "./wire-fetch.ts";
import { listOffsets } from "./wire-offsets.ts";

export interface WaitingCommands {
  /** True where a command of this id stands at or behind these offsets. @throws UNAVAILABLE, OVERLOADED */
  has(id: string, from: readonly number[]): Promise<boolean>;
}

const maxIds = 1_000_000;
const sizes = { maxWaitMs: 0, partitionBytes: 1280 * 1024, totalBytes: 8 * 1024 * 1024 };

export function waitingCommands(cluster: Cluster, topic: string, topicId: string, partitions: readonly number[]): WaitingCommands {
  /** By partition: id -> offset, in offset order. */
  const ids = partitions.map(() => new Map<string, number>());
  const readTo = partitions.map(() => 0);
  const decided = partitions.map(() => 0);

  async function read(): Promise<void> {
    const ends = await listOffsets(cluster, topic, partitions, "end");
    const starts = await listOffsets(cluster, topic, partitions, "start");
    for (const partition of partitions) {
      for (const [id, offset] of ids[partition]!) {
        if (offset >= decided[partition]!) break;
        ids[partition]!.delete(id);
      }
      readTo[partition] = Math.max(readTo[partition]!, decided[partition]!, starts.get(partition)!);
    }
    for (;;) {
      const open = partitions.filter((partition) => readTo[partition]! < ends.get(partition)!);
      if (open.length === 0) return;
      await cluster.leaders(topic, open, async (connection, own) => {
        const from = own.map((partition) => ({ partition, offset: readTo[partition]! }));
        for (const { partition, errorCode, bytes, aborted } of await fetchFrom(connection, topicId, from, sizes)) {
          if (errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
          for (const record of plainRecords(bytes, readTo[partition]!, partition, aborted)) {
            const { id } = readHead(record, topicId);
            // of an id that is there twice the last place counts, at the end of the order
            ids[partition]!.delete(id);
            ids[partition]!.set(id, record.offset);
          }
          readTo[partition] = nextOffsetOf(bytes, readTo[partition]!);
        }
      });
      const count = ids.reduce((sum, each) => sum + each.size, 0);
      if (count > maxIds) throw new TidemarkError("OVERLOADED", { what: "The number of commands that wait to be decided", limit: maxIds });
    }
  }

  // one reading at a time, for all that ask meanwhile
  const look = gather<{ readonly id: string; readonly from: readonly number[] }, boolean>(async (asked) => {
    for (const { from } of asked)
      for (const partition of partitions) decided[partition] = Math.max(decided[partition]!, from[partition] ?? 0);
    await read();
    return asked.map(({ id }) => ids.some((each, partition) => (each.get(id) ?? -1) >= decided[partition]!));
  }, 1);
  return { has: (id, from) => look({ id, from }) };
}
