import type { AnyCommand } from "../core/definition.ts";
/** Asynchronous acceptance: a checked command becomes durable in its topic and is answered at once; what became of it is asked by its id. */
import { TidemarkError } from "../errors.ts";
import type { ExecuteOptions, Outcome } from "./app.ts";
import type { CommandHandover } from "./command-handover.ts";
import { checkCommand } from "./command-job.ts";
import type { CommandAnswer, CommandForm, CommandLedger, CommandTopic, KnownCommand, NewCommandRecord } from "./command-ports.ts";
import { toRecord } from "./command-record.ts";
import { storedOutcome } from "./command-replies.ts";
import { gather } from "./gather.ts";
import { newId } from "./new-id.ts";
import type { LogIdentity } from "./ports.ts";
import { wake } from "./wake.ts";

export type CommandStatus =
  | { readonly commandId: string; readonly status: "pending" }
  /** `outcome`: where it was decided. */
  | {
      readonly commandId: string;
      readonly status: "accepted" | "rejected";
      readonly answer: CommandAnswer;
      readonly outcome: Outcome | null;
    };

export interface AcceptOptions extends ExecuteOptions {
  /** How long to wait for the outcome, in milliseconds; not at all unless given. */
  readonly waitMs?: number | undefined;
  /** True where the id may have been used before (it comes from a key): then it is looked up first. */
  readonly mayRepeat?: boolean | undefined;
}

export interface CommandAcceptance {
  /** False where nobody would decide what is accepted here: only `status` is answered. */
  readonly accepts: boolean;
  /**
   * Durable when it resolves; the status from then on is `pending` or more. A repeat gets the status of the first.
   * @throws INVALID_INPUT, IDEMPOTENCY_KEY_REUSED, OVERLOADED (too many are on their way to the topic), UNAVAILABLE (the outcome is unknown: repeat with the same id)
   */
  accept(command: AnyCommand, options?: AcceptOptions): Promise<CommandStatus>;
  /** null: no command of this id was ever accepted here. @throws UNAVAILABLE */
  status(id: string): Promise<CommandStatus | null>;
  /** For the processor of the same process. */
  settled(ids: readonly string[] | undefined): void;
  close(): Promise<void>;
}

export interface CommandAcceptanceOptions {
  /** By log; opened at the first command. */
  readonly topics: ReadonlyMap<string, () => Promise<CommandTopic>>;
  /** false: it answers for what others accepted, and accepts nothing itself. True unless given. */
  readonly accepts?: boolean;
  readonly identities: ReadonlyMap<string, LogIdentity>;
  readonly ledger: Pick<CommandLedger, "known" | "positions">;
  readonly form: CommandForm;
  /** To the processor of the same process. */
  readonly handover?: CommandHandover | undefined;
  /** Commands on their way to their topics; more are refused by OVERLOADED; 10,000 unless given. */
  readonly maxQueued?: number;
  /** The same for the sum of their data, in characters; 64 Mi unless given. One command alone always may. */
  readonly maxQueuedText?: number;
}

export function commandAcceptance(options: CommandAcceptanceOptions): CommandAcceptance {
  const { topics, accepts = true, identities, ledger, form, handover, maxQueued = 10_000, maxQueuedText = 64 * 1024 * 1024 } = options;
  const opened = new Map<string, Promise<CommandTopic>>();
  const unsubscribe: (() => Promise<void>)[] = [];
  const listening = new Map<string, Promise<void>>();
  const waiting = new Map<string, Set<ReturnType<typeof wake>>>();
  let closed = false;
  let queued = 0;
  let queuedText = 0;
  const known = gather<string, KnownCommand | undefined>(async (ids) => {
    const found = await ledger.known(ids);
    return ids.map((id) => found.get(id));
  });

  async function topicOf(log: string): Promise<CommandTopic> {
    const open = topics.get(log);
    if (open === undefined)
      throw new TidemarkError("INVALID_DEFINITION", { what: `Log '${log}' is not one of this service's aggregates.` });
    const topic = opened.get(log) ?? open();
    opened.set(log, topic);
    try {
      return await topic;
    } catch (error) {
      opened.delete(log);
      throw error;
    }
  }

  /** Gives the offset. */
  async function send(log: string, partition: number, record: NewCommandRecord): Promise<number> {
    if (queued >= maxQueued) throw new TidemarkError("OVERLOADED", { what: "The number of commands to be accepted", limit: maxQueued });
    if (queued > 0 && queuedText + record.value.length > maxQueuedText)
      throw new TidemarkError("OVERLOADED", { what: "The size of commands to be accepted", limit: maxQueuedText });
    queued += 1;
    queuedText += record.value.length;
    try {
      return await (await topicOf(log)).send(partition, record);
    } finally {
      queued -= 1;
      queuedText -= record.value.length;
    }
  }

  function listen(topic: CommandTopic): Promise<void> {
    const already = listening.get(topic.log);
    if (already !== undefined) return already;
    const begun = topic.onReplies(settled).then(
      (stop) => void unsubscribe.push(stop),
      (error: unknown) => {
        listening.delete(topic.log);
        throw error;
      },
    );
    listening.set(topic.log, begun);
    return begun;
  }

  function settled(ids: readonly string[] | undefined): void {
    for (const id of ids ?? waiting.keys()) for (const each of waiting.get(id) ?? []) each.signal();
  }

  function statusOf(commandId: string, found: KnownCommand, replayed = true): CommandStatus {
    if (found.kind === "parked") return { commandId, status: "rejected", answer: found.answer, outcome: null };
    const identity = identities.get(found.answer.log);
    if (identity === undefined) throw new TidemarkError("NOT_FOUND", { what: `The log of command ${commandId}` });
    const outcome = { ...storedOutcome(commandId, identity, found), replayed };
    return { commandId, status: outcome.accepted ? "accepted" : "rejected", answer: form.ofOutcome(found.answer.log, outcome), outcome };
  }

  /** What the store holds for the id once `isOurs` says so; null when the time is over. Woken, not polled. */
  async function outcome(commandId: string, waitMs: number, isOurs: (found: KnownCommand) => boolean): Promise<KnownCommand | null> {
    const own = wake();
    const others = waiting.get(commandId) ?? new Set();
    waiting.set(commandId, others.add(own));
    try {
      for (const end = performance.now() + waitMs; ;) {
        const ticket = own.ticket();
        const found = await known(commandId);
        if (found !== undefined && isOurs(found)) return found;
        const left = end - performance.now();
        if (left <= 0 || closed) return null;
        await own.after(ticket, { maxWaitMs: left });
      }
    } finally {
      others.delete(own);
      if (others.size === 0) waiting.delete(commandId);
    }
  }

  return {
    accepts,
    settled,

    async accept(command, options = {}) {
      const { waitMs, mayRepeat = options.commandId !== undefined, ...rest } = options;
      const identity = identities.get(command.aggregate.name);
      if (identity === undefined)
        throw new TidemarkError("INVALID_DEFINITION", { what: `Log '${command.aggregate.name}' is not one of this service's aggregates.` });
      const commandId = rest.commandId ?? newId();
      const checked = checkCommand(command, commandId, identity, rest);
      const decidedAs = (found: KnownCommand, replayed: boolean): CommandStatus => {
        if (found.kind === "decided" && found.answer.fingerprint !== checked.fingerprint)
          throw new TidemarkError("IDEMPOTENCY_KEY_REUSED", { commandId });
        return statusOf(commandId, found, replayed);
      };
      if (mayRepeat) {
        const found = await known(commandId);
        if (found?.kind === "decided") return decidedAs(found, true);
      }
      const waits = waitMs !== undefined && waitMs > 0;
      if (waits) await listen(await topicOf(identity.log));
      const record = toRecord(command, { ...rest, commandId }, `tidemark/${identity.log}`, waits);
      handover?.keep(record, { command, checked });
      const offset = await send(identity.log, checked.partition, record);
      // a refusal of an earlier sending is none of this one
      const found = waits ? await outcome(commandId, waitMs, (each) => each.kind === "decided" || each.offset === offset) : null;
      return found === null ? { commandId, status: "pending" } : decidedAs(found, false);
    },

    async status(id) {
      const found = await known(id);
      if (found !== undefined) return statusOf(id, found);
      // what is behind the stored positions waits; what is before them has an outcome by now, which is looked up once more
      const positions = await ledger.positions([...topics.keys()]);
      for (const log of topics.keys()) {
        const topic = await topicOf(log);
        const from: number[] = [];
        for (const each of positions) if (each.log === log && each.topicId === topic.topicId) from[each.partition] = each.next;
        if (await topic.waits(id, from)) return { commandId: id, status: "pending" };
      }
      const later = await known(id);
      return later === undefined ? null : statusOf(id, later);
    },

    async close() {
      closed = true;
      settled(undefined);
      for (const stop of unsubscribe.splice(0)) await stop();
      for (const topic of await Promise.allSettled(opened.values())) if (topic.status === "fulfilled") await topic.value.close();
    },
  };
}
