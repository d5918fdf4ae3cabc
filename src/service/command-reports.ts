/** Where the commands of each log stand: positions as stored, ends as the topics say, and what the processors of this process know. */
import { TidemarkError } from "../errors.ts";
import type { CommandPartitionState } from "../runtime/command-partition.ts";
import type { CommandLedger } from "../runtime/command-ports.ts";
import type { CommandProcessor } from "../runtime/command-processor.ts";

export interface CommandReport {
  readonly log: string;
  readonly partition: number;
  /** The offset of the next command to be decided. */
  readonly position: number;
  /** The offset that the next accepted command will get; null: not known. */
  readonly end: number | null;
  /** Offsets between the two: no less than the commands that wait. */
  readonly lag: number | null;
  /** Of the processor of the answering process; null where another one serves the partition, or none does. */
  readonly state: CommandPartitionState["state"] | null;
  readonly problem: string | null;
}

export async function commandReports(
  logs: readonly string[],
  ledger: Pick<CommandLedger, "positions">,
  ends: (log: string) => Promise<readonly number[]>,
  processors: readonly CommandProcessor[],
): Promise<readonly CommandReport[]> {
  const positions = await ledger.positions(logs);
  const endsOf = new Map<string, readonly number[]>();
  for (const log of new Set(positions.map((each) => each.log))) {
    try {
      endsOf.set(log, await ends(log));
    } catch (error) {
      if (!(error instanceof TidemarkError)) throw error;
      // the topic cannot be looked at: the positions are told all the same
    }
  }
  return positions.map(({ log, partition, next }): CommandReport => {
    const end = endsOf.get(log)?.[partition] ?? null;
    const served = processors
      .find((each) => each.log === log)
      ?.state()
      .partitions.find((each) => each.partition === partition);
    return {
      log,
      partition,
      position: next,
      end,
      lag: end === null ? null : Math.max(0, end - next),
      state: served?.state ?? null,
      problem: served?.problem ?? null,
    };
  });
}
