/** The records of one batch on their way to an outcome, and the cut of the topic that an append moves over. */
import type { AnyAggregate, AnyCommand } from "../core/definition.ts";
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { Outcome } from "./app.ts";
import type { CommandHandover, HandedOver } from "./command-handover.ts";
import { type CheckedCommand, checkCommand } from "./command-job.ts";
import type { CommandAnswer, CommandForm, CommandPosition, CommandRecord, Cut, ParkedCommand } from "./command-ports.ts";
import { packRecord, readCommand, readHead, type RecordHead } from "./command-record.ts";
import type { AppendCommand, LogIdentity } from "./ports.ts";

export interface CommandEntry {
  readonly record: CommandRecord;
  readonly head: RecordHead;
  /** null where the record is no command that may be decided. */
  readonly checked: CheckedCommand | null;
  outcome: Outcome | null;
  refusal: { readonly code: string; readonly answer: CommandAnswer } | null;
}

/** The sender of a command as its record names it. Who may write to the topic is the broker's to check. */
export interface CommandSender {
  readonly actor: string | undefined;
  header(name: string): string | undefined;
}

/** Null where the command may be handled, else why not; the sender is told. */
export type Authorize = (command: AnyCommand, sender: CommandSender) => string | null;

export interface EntryParts {
  readonly aggregate: AnyAggregate;
  readonly identity: LogIdentity;
  readonly topicId: string;
  readonly form: CommandForm;
  readonly authorize?: Authorize | undefined;
  /** Commands that this process has accepted itself. */
  readonly handover?: CommandHandover | undefined;
}

/** Total: what is wrong with a record is its refusal. */
export function entryOf(record: CommandRecord, parts: EntryParts): CommandEntry {
  const head = readHead(record, { log: parts.aggregate.name, topicId: parts.topicId });
  try {
    const { command, checked } = ownOf(record, head, parts) ?? readAndCheck(record, head, parts);
    const reason = parts.authorize?.(command, { actor: checked.context.actor, header: head.header }) ?? null;
    if (reason !== null) throw new TidemarkError("FORBIDDEN", { what: reason });
    return { record, head, checked, outcome: null, refusal: null };
  } catch (error) {
    return { record, head, checked: null, outcome: null, refusal: refusalOf(error, parts.form) };
  }
}

function ownOf(record: CommandRecord, head: RecordHead, { handover, form, aggregate }: EntryParts): HandedOver | undefined {
  const own = handover?.take(head.id, record);
  if (own === undefined || own.command.aggregate !== aggregate) return undefined;
  form.strict(own.command);
  return own;
}

function readAndCheck(record: CommandRecord, head: RecordHead, parts: EntryParts): HandedOver {
  const { command, options } = readCommand(record, head, parts.aggregate, parts.form);
  return { command, checked: checkCommand(command, head.id, parts.identity, options) };
}

export const refusalOf = (error: unknown, form: CommandForm): { readonly code: string; readonly answer: CommandAnswer } => ({
  code: isTidemarkError(error) ? error.code : "FAULT",
  answer: form.ofFault(error),
});

/** What may pass: the store is down, or others are quicker. The batch begins again; nobody is answered by it. */
export const mayPass = (error: unknown): boolean =>
  isTidemarkError(error) && ["UNAVAILABLE", "CONTENTION", "CLOSED", "OVERLOADED"].includes(error.code);

export const isOpen = (entry: CommandEntry): boolean => entry.outcome === null && entry.refusal === null;

/** Those to be decided now: of each id the first. A later one of the same id gets its answer by it, or is decided when the first has got its own. */
export function toDecide(entries: readonly CommandEntry[]): (CommandEntry & { readonly checked: CheckedCommand })[] {
  const seen = new Set<string>();
  const found: (CommandEntry & { readonly checked: CheckedCommand })[] = [];
  for (const entry of entries) {
    if (!isOpen(entry) || entry.checked === null || seen.has(entry.head.id)) continue;
    seen.add(entry.head.id);
    found.push(entry as CommandEntry & { readonly checked: CheckedCommand });
  }
  return found;
}

/** `to`: the offset up to which there is nothing but `entries`. */
export function cutOf(entries: readonly CommandEntry[], commands: readonly AppendCommand[], position: CommandPosition, to: number): Cut {
  const index = new Map(commands.map((command, i) => [command.id, i]));
  const parked: ParkedCommand[] = [];
  const records = entries.map((entry, i) => {
    const { record, head, refusal } = entry;
    if (refusal !== null) parked.push({ offset: record.offset, commandId: head.id, ...refusal, record: packRecord(record) });
    const command = index.get(head.id);
    const same = command !== undefined && commands[command]!.fingerprint === entry.checked?.fingerprint;
    return {
      next: entries[i + 1]?.record.offset ?? to,
      outcome: isOpen(entry) ? (same ? command : ("open" as const)) : ("known" as const),
    };
  });
  return { ...position, from: position.next, to, records, parked };
}
