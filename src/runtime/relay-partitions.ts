/** The partitions that a relay serves: taken from their tails, given back when nothing of them is under way, looked at anew after a failure. */
import { isTidemarkError } from "../errors.ts";
import type { LogWriter, Share } from "./ports.ts";
import type { RelayOptions } from "./relay-run.ts";
import { type PartitionState, startingPoints } from "./relay-start.ts";
import { type Wake, pause } from "./wake.ts";

export interface RelayProgress {
  /** It has a share for the first time in this turn. */
  starts(): void;
  /** Which partitions it serves now, ascending. */
  serves(partitions: readonly number[]): void;
  /** Kafka has acknowledged the partition up to this position. */
  relayed(partition: number, position: number): void;
}

export interface RelayPartitions {
  /** Ascending. */
  serving(): readonly PartitionState[];
  /**
   * The first of this turn. All partitions of the log are looked at, also those that others serve: a store that was put back is refused
   * before anything of it is relayed, whichever partitions show it. @throws what `startingPoints` throws
   */
  begin(partitions: readonly number[]): Promise<void>;
  /** Goes after the share, in the background; `woken` is signalled when something came of it. */
  follow(): void;
  /** That partition stops, reads the tail again and resumes; the others go on. */
  failed(s: PartitionState, cause: unknown): void;
  /** Writes down what is acknowledged (I3: covers topics emptied by retention). */
  record(): Promise<void>;
  /** No look at a tail is under way any more. */
  settled(): Promise<void>;
}

export function relayPartitions(
  { store, identity, logger }: Pick<RelayOptions, "store" | "identity" | "logger">,
  writer: LogWriter,
  share: Share,
  woken: Wake,
  progress: RelayProgress,
  over: AbortSignal,
  diverged: (error: unknown) => void,
): RelayPartitions {
  const { log } = identity;
  const states = new Map<number, PartitionState>();
  /** Looks at tails that are under way: nothing else happens to their partitions. */
  const looks = new Map<number, Promise<void>>();

  const owned = (partition: number) => share.parts.includes(partition);
  const serving = () => [...states.values()].toSorted((a, b) => a.partition - b.partition);
  const tell = () => progress.serves(serving().map((s) => s.partition));
  const record = async (of: readonly PartitionState[]) => {
    const rows = of.map((s) => ({ partition: s.partition, position: s.acknowledged, topicId: writer.topicId }));
    if (rows.length > 0) await store.recordRelayed(log, rows);
  };
  const begin = async (partitions: readonly number[], alsoLookedAt: readonly number[] = []) => {
    const asked = [...new Set([...partitions, ...alsoLookedAt])].toSorted((a, b) => a - b);
    const fresh = (await startingPoints(store, identity, writer, asked)).filter((s) => partitions.includes(s.partition));
    await record(fresh);
    for (const s of fresh) {
      states.set(s.partition, s);
      progress.relayed(s.partition, s.acknowledged);
    }
    tell();
  };
  const look = (partition: number, work: () => Promise<void>): void => {
    const looking = (async () => {
      await work();
      looks.delete(partition);
      woken.signal();
    })();
    looks.set(partition, looking);
  };
  /** What fails is tried again with growing pauses, for as long as the partition is this relay's. */
  const insist = async (partition: number, attempt: () => Promise<void>): Promise<void> => {
    for (let backOffMs = 50; !over.aborted && owned(partition); backOffMs = Math.min(backOffMs * 2, 2_000)) {
      try {
        return await attempt();
      } catch (error) {
        if (isTidemarkError(error, "LOG_DIVERGED")) return diverged(error);
        await pause(backOffMs, over);
      }
    }
  };

  return {
    serving,
    begin: (partitions) => begin(partitions, [...Array(identity.partitions).keys()]),
    follow() {
      const going = share.leaving.filter((partition) => states.get(partition)?.sending !== true && !looks.has(partition));
      for (const partition of going) states.delete(partition);
      if (going.length > 0) tell();
      for (const partition of going) share.release(partition);
      for (const partition of share.parts)
        if (!states.has(partition) && !looks.has(partition)) look(partition, () => insist(partition, () => begin([partition])));
    },
    failed(s, cause) {
      s.recovering = true;
      // also where the partition is asked back at this moment: its next owner would not see it
      if (isTidemarkError(cause, "LOG_DIVERGED")) return diverged(cause);
      s.failures += 1;
      const { partition, failures } = s;
      logger.warn(`relay of log '${log}': partition ${partition} was not sent, reading the tail again`, {
        log,
        partition,
        problem: String(cause),
      });
      look(partition, async () => {
        // A topic that can be read and not be written to is not asked in a hot loop.
        if (failures > 1) await pause(Math.min(50 * 2 ** (failures - 2), 2_000), over);
        await insist(partition, async () => {
          const [fresh] = await startingPoints(store, identity, writer, [partition]);
          Object.assign(s, { ...fresh, failures });
        });
      });
    },
    record: () => record(serving()),
    settled: async () => void (await Promise.all(looks.values())),
  };
}
