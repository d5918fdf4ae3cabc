/** The ids of commands that wait in a topic, read as far as somebody asks: from the decided positions to the last acknowledged record. */
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
  /** True where a command of this id stands at or behind these offsets, whoever has a transaction open before it. @throws UNAVAILABLE, OVERLOADED */
  has(id: string, from: readonly number[]): Promise<boolean>;
}

interface Stretch {
  /** id -> offset, in offset order. */
  readonly ids: Map<string, number>;
  readTo: number;
}

const maxIds = 1_000_000;
const sizes = { maxWaitMs: 0, partitionBytes: 1280 * 1024, totalBytes: 8 * 1024 * 1024 };

export function waitingCommands(
  cluster: Cluster,
  { topic, topicId, log }: { readonly topic: string; readonly topicId: string; readonly log: string },
  partitions: readonly number[],
): WaitingCommands {
  const stretch = (): Stretch => ({ ids: new Map(), readTo: 0 });
  /** Up to the first open transaction: what is there stays, and what was taken back is known. */
  const settled = partitions.map(stretch);
  /** Behind it, read as it is, and again when that transaction has ended: a command may have been acknowledged there by somebody without any transaction. */
  const open = partitions.map(stretch);
  const decided = partitions.map(() => 0);

  async function readTo(ends: ReadonlyMap<number, number>, stretches: readonly Stretch[], uncommitted: boolean): Promise<void> {
    for (;;) {
      const behind = partitions.filter((partition) => stretches[partition]!.readTo < ends.get(partition)!);
      if (behind.length === 0) return;
      await cluster.leaders(topic, behind, async (connection, own) => {
        const from = own.map((partition) => ({ partition, offset: stretches[partition]!.readTo }));
        for (const { partition, errorCode, bytes, aborted } of await fetchFrom(connection, topicId, from, { ...sizes, uncommitted })) {
          if (errorCode !== code.none) throw new BrokerRefusal(`${topic}, partition ${partition}`, errorCode);
          const own = stretches[partition]!;
          for (const record of plainRecords(bytes, own.readTo, partition, uncommitted ? [] : aborted)) {
            const { id } = readHead(record, { log, topicId });
            // of an id that is there twice the last place counts, at the end of the order
            own.ids.delete(id);
            own.ids.set(id, record.offset);
          }
          own.readTo = nextOffsetOf(bytes, own.readTo);
        }
      });
      const count = [...settled, ...open].reduce((sum, { ids }) => sum + ids.size, 0);
      if (count > maxIds) throw new TidemarkError("OVERLOADED", { what: "The number of commands that wait to be decided", limit: maxIds });
    }
  }

  function begin(stretches: readonly Stretch[], partition: number, from: number): void {
    const { ids } = stretches[partition]!;
    for (const [id, offset] of ids) {
      if (offset >= from) break;
      ids.delete(id);
    }
    stretches[partition]!.readTo = Math.max(stretches[partition]!.readTo, from);
  }

  async function read(): Promise<void> {
    const ends = await listOffsets(cluster, topic, partitions, "end");
    const written = await listOffsets(cluster, topic, partitions, "written");
    const starts = await listOffsets(cluster, topic, partitions, "start");
    for (const partition of partitions) begin(settled, partition, Math.max(decided[partition]!, starts.get(partition)!));
    await readTo(ends, settled, false);
    for (const partition of partitions) begin(open, partition, settled[partition]!.readTo);
    await readTo(written, open, true);
  }

  // one reading at a time, for all that ask meanwhile
  const look = gather<{ readonly id: string; readonly from: readonly number[] }, boolean>(async (asked) => {
    for (const { from } of asked)
      for (const partition of partitions) decided[partition] = Math.max(decided[partition]!, from[partition] ?? 0);
    await read();
    const waits = (id: string) => [settled, open].some((all) => all.some(({ ids }, at) => (ids.get(id) ?? -1) >= decided[at]!));
    return asked.map(({ id }) => waits(id));
  }, 1);
  return { has: (id, from) => look({ id, from }) };
}
