/** The seams of commands that are accepted first and decided later: where they wait, how far they are decided, and what becomes of them. */
import type { AnyCommand } from "../core/definition.ts";
import type { Outcome } from "./app.ts";
import type { AppendCommand, AppendOutcome, StoredAnswer } from "./ports.ts";

/** A command as it waits in its topic. Offsets ascend within a partition; between two neighbours there may be a hole. */
export interface CommandRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: Uint8Array | null;
  readonly value: Uint8Array | null;
  /** Names and values; of a name that is there twice the last one counts. */
  readonly headers: readonly (readonly [string, Uint8Array])[];
}

export interface NewCommandRecord {
  readonly id: string;
  readonly key: string;
  readonly value: string;
  readonly headers: readonly (readonly [string, string])[];
}

/** What one reading of a partition found. */
export interface CommandsRead {
  /** None where only holes were found: markers of transactions, and what was taken back with one. */
  readonly records: readonly CommandRecord[];
  /** Where the next reading begins: nothing else stands before it. */
  readonly next: number;
}

/** One log's commands: a Kafka topic `<log>-commands`, or a table of the write store. */
export interface CommandTopic {
  readonly log: string;
  /** A topic that was deleted and made again has another one. */
  readonly topicId: string;
  /** False where a decided command is gone from here, and replies with it. */
  readonly keepsDecided: boolean;
  /** Settings weaker than commands that nobody has decided yet need, in words for the operator. */
  readonly weaknesses: readonly string[];
  /** Durable when it resolves, in the order of the calls for a partition. Gives the offset. @throws UNAVAILABLE where the outcome is unknown, LOG_DIVERGED, CLOSED */
  send(partition: number, record: NewCommandRecord): Promise<number>;
  /**
   * Waits until there is something from `offset` on, or `signal` aborts (then nothing, and `next` is `offset`). At most one call at a time for a partition.
   * @throws LOG_DIVERGED where the topic is another one, or does not hold `offset` any more or not yet; UNAVAILABLE
   */
  next(partition: number, offset: number, signal: AbortSignal): Promise<CommandsRead>;
  /** The first offset still there and the one that the next record will get, by partition number. */
  bounds(): Promise<readonly { readonly start: number; readonly end: number }[]>;
  /** True where a command of this id waits at or behind these offsets (by partition), whoever has a transaction open before it; asked only for ids that have no outcome. */
  waits(id: string, from: readonly number[]): Promise<boolean>;
  /** Outcomes for those who asked by a header; durable when it resolves. Every one at least once. */
  reply(partition: number, replies: readonly CommandReply[]): Promise<void>;
  /** Calls back with the ids of commands whose outcomes were just told by any process. Only those sent with a wanted reply. */
  onReplies(callback: (ids: readonly string[]) => void): Promise<() => Promise<void>>;
  /** Shares the partitions among all processes that take part. The callback gets the whole new assignment each time. */
  join(onAssigned: (partitions: readonly number[]) => void): Promise<{ leave(): Promise<void> }>;
  close(): Promise<void>;
}

/** What the HTTP form of a command answers: status and body. */
export interface CommandAnswer {
  readonly status: number;
  readonly body: unknown;
}

export interface CommandReply {
  readonly commandId: string;
  /** Of the command's record; null where it had none. */
  readonly key: string | null;
  readonly accepted: boolean;
  readonly answer: CommandAnswer;
  readonly token: string | null;
  readonly correlationId: string | null;
  readonly traceparent: string | null;
  /** Where the command stood, for those who sent it without an id. */
  readonly offset: number;
}

/** A command that was refused for good before or without a decision. `record`: JSON, for the operator. */
export interface ParkedCommand {
  readonly offset: number;
  readonly commandId: string;
  readonly code: string;
  readonly answer: CommandAnswer;
  readonly record: string;
}

export interface CommandPosition {
  readonly log: string;
  readonly partition: number;
  readonly topicId: string;
  /** Everything before it has its outcome. */
  readonly next: number;
  /** Every wanted reply of what is before it was sent. */
  readonly replied: number;
}

/** What one append is to do to the position. */
export interface Cut {
  readonly log: string;
  readonly partition: number;
  readonly topicId: string;
  /** The position is there, or nothing is written. */
  readonly from: number;
  readonly replied: number;
  /** What stands before it and is none of `records` is no command: the position may move here where all of them have outcomes. */
  readonly to: number;
  /** In offset order. `outcome`: "known" before the call, "open" after it too, or that of a command of the call, by index. */
  readonly records: readonly { readonly next: number; readonly outcome: "known" | "open" | number }[];
  /** Kept where the position moves over them. */
  readonly parked: readonly ParkedCommand[];
}

export type KnownCommand =
  | { readonly kind: "decided"; readonly answer: StoredAnswer }
  | { readonly kind: "parked"; readonly log: string; readonly offset: number; readonly code: string; readonly answer: CommandAnswer };

/** The write store's part in it. */
export interface CommandLedger {
  readonly epoch: number;
  /** The stored position; made at `start` where there is none. */
  position(log: string, partition: number, topicId: string, start: number): Promise<CommandPosition>;
  positions(logs: readonly string[]): Promise<readonly CommandPosition[]>;
  /**
   * As `EventStore.append`, and in the same transaction the position moves over the longest beginning of `cut.records` that has outcomes.
   * null: the position was not at `cut.from` of this topic, and nothing was written. Refused commands of kind "check" and repeats with another fingerprint get no outcome by it.
   */
  append(
    commands: readonly AppendCommand[],
    cut: Cut,
  ): Promise<{ readonly outcomes: readonly AppendOutcome[]; readonly next: number } | null>;
  /** What is known of these ids, one query for all; a decision comes before a refusal. */
  known(ids: readonly string[]): Promise<ReadonlyMap<string, KnownCommand>>;
  /** The refusals of one partition from `from` on, before `to`, by offset. */
  parked(log: string, topicId: string, partition: number, from: number, to: number): Promise<ReadonlyMap<number, KnownCommand>>;
  close(): Promise<void>;
}

/** How outcomes look to clients, and how strictly a command is read: the HTTP form's own rules. */
export interface CommandForm {
  /** @throws INVALID_JSON, INVALID_INPUT */
  parse(bytes: Uint8Array): unknown;
  /** @throws INVALID_INPUT for members that the command's schema does not know */
  strict(command: AnyCommand): void;
  ofOutcome(log: string, outcome: Outcome): CommandAnswer;
  ofFault(error: unknown): CommandAnswer;
}
