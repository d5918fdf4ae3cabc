/** How far commands are decided, in memory: a table for all "processes" of one write database, and a ledger for each. */
import type { CommandLedger, CommandPosition, Cut, KnownCommand, ParkedCommand } from "../runtime/command-ports.ts";
import type { AppendCommand, AppendOutcome } from "../runtime/ports.ts";
import { append } from "./append.ts";
import type { Faults } from "./faults.ts";
import { handle } from "./handle.ts";
import type { WriteDatabase } from "./write-database.ts";

export interface CommandTables {
  /** By `partition/log`. */
  readonly positions: Map<string, CommandPosition>;
  readonly parked: (ParkedCommand & { readonly log: string; readonly topicId: string; readonly partition: number })[];
}

export const commandTables = (): CommandTables => ({ positions: new Map(), parked: [] });

export interface MemoryCommandLedger extends CommandLedger {
  /** The process is gone: whatever it still tries fails and has no effect. */
  kill(): void;
}

export function memoryCommandLedger(
  database: WriteDatabase,
  tables: CommandTables,
  { faults }: { readonly faults?: Faults } = {},
): MemoryCommandLedger {
  const own = handle("The write store", faults);
  const keyOf = (log: string, partition: number): string => `${partition}/${log}`;
  const parkedOf = ({ log, offset, code, answer }: CommandTables["parked"][number]): KnownCommand => ({
    kind: "parked",
    log,
    offset,
    code,
    answer,
  });

  return {
    epoch: 0,
    position: (log, partition, topicId, start) =>
      own.run("commandPosition", { log }, () => {
        const key = keyOf(log, partition);
        const found = tables.positions.get(key) ?? { log, partition, topicId, next: start, replied: start };
        tables.positions.set(key, found);
        return found;
      }),
    positions: (logs) =>
      own.run("commandPosition", { log: "" }, () => [...tables.positions.values()].filter(({ log }) => logs.includes(log))),
    append: (commands, cut) =>
      own.run("appendCommands", { cut, commands }, () => {
        const { log, partition, topicId, from } = cut;
        const stored = tables.positions.get(keyOf(log, partition));
        if (stored?.topicId !== topicId || stored.next !== from) return null;
        const outcomes = commands.length === 0 ? [] : append(database, commands);
        const next = reached(cut, commands, outcomes);
        if (next > from) {
          tables.positions.set(keyOf(log, partition), { ...stored, next, replied: Math.max(stored.replied, cut.replied) });
          for (const each of cut.parked) if (each.offset < next) tables.parked.push({ ...each, log, topicId, partition });
        }
        return { outcomes, next };
      }),
    known: (ids) =>
      own.run("knownCommands", {}, () => {
        const found = new Map<string, KnownCommand>();
        for (const id of ids) {
          const answer = database.commands.get(id);
          const parked = tables.parked.findLast(({ commandId }) => commandId === id);
          if (answer !== undefined) found.set(id, { kind: "decided", answer });
          else if (parked !== undefined) found.set(id, parkedOf(parked));
        }
        return found;
      }),
    parked: (log, topicId, partition, from, to) =>
      own.run("knownCommands", {}, () => {
        const rows = tables.parked.filter(
          (row) => row.log === log && row.topicId === topicId && row.partition === partition && row.offset >= from && row.offset < to,
        );
        return new Map(rows.map((row) => [row.offset, parkedOf(row)]));
      }),
    kill: own.kill,
    close() {
      own.close();
      return Promise.resolve();
    },
  };
}

/** The offset after the longest beginning of records that have outcomes. */
function reached({ from, to, records }: Cut, commands: readonly AppendCommand[], outcomes: readonly AppendOutcome[]): number {
  let next = from;
  for (const record of records) {
    if (record.outcome === "open") break;
    if (typeof record.outcome === "number") {
      const outcome = outcomes[record.outcome]!;
      const same = outcome.status === "duplicate" && outcome.first?.fingerprint === commands[record.outcome]!.fingerprint;
      if (outcome.status !== "appended" && !same) break;
    }
    next = record.next;
  }
  return records.length === 0 ? to : next;
}
