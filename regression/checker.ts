/** The history checker: what clients saw and what the stores hold, against each other and against a fold of its own. */
import { checkCommands } from "./check-commands.ts";
import { checkCopy } from "./check-copy.ts";
import { checkLog } from "./check-log.ts";
import { checkReads } from "./check-reads.ts";
import { checkViews } from "./check-views.ts";
import type { History, Stores, Violation } from "./history.ts";
import { foldLog } from "./oracle.ts";

export interface Report {
  readonly violations: readonly Violation[];
  readonly commands: number;
  readonly accepted: number;
  readonly rejected: number;
  readonly events: number;
  /** Kafka records that repeat a position. */
  readonly repeated: number;
  readonly reads: number;
  readonly readsRefused: number;
}

export function check(history: History, stores: Stores): Report {
  const folded = foldLog(stores.events);
  const copy = checkCopy(stores);
  const reads = checkReads(history.reads, folded);
  const count = (accepted: boolean) =>
    history.commands.filter((c) => c.answers[0] !== undefined && (c.answers[0].status === 202) === accepted).length;
  return {
    violations: [
      ...checkLog(stores),
      ...checkCommands(history.commands, stores.events),
      ...copy.violations,
      ...reads.violations,
      ...checkViews(stores, folded),
    ],
    commands: history.commands.length,
    accepted: count(true),
    rejected: count(false),
    events: stores.events.length,
    repeated: copy.repeated,
    reads: reads.fresh,
    readsRefused: reads.refused,
  };
}
