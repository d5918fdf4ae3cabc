/** Outcomes for those who asked by a header: sent after the commit, and again from the stored position of replies after whatever went wrong. Each at least once. */
import type { Outcome } from "./app.ts";
import type { CommandEntry } from "./command-entries.ts";
import type {
  CommandForm,
  CommandLedger,
  CommandPosition,
  CommandRecord,
  CommandReply,
  CommandTopic,
  KnownCommand,
} from "./command-ports.ts";
import { readHead, type RecordHead } from "./command-record.ts";
import { outcomeOf } from "./outcomes.ts";
import type { LogIdentity } from "./ports.ts";

export interface CommandRepliesOptions {
  readonly partition: number;
  readonly topic: CommandTopic;
  readonly ledger: CommandLedger;
  readonly identity: LogIdentity;
  readonly form: CommandForm;
  readonly from: CommandPosition;
}

export interface CommandReplies {
  /** Every wanted reply of what is before this offset was sent. */
  readonly sentTo: number;
  /** Aborts when a sending has failed, with what it failed with: no further one is made, and `sendAgain` of another one makes up for it. */
  readonly failed: AbortSignal;
  /** Those between the two offsets of a stored position: whoever was here before may have sent them, or not. */
  sendAgain(position: CommandPosition, signal: AbortSignal): Promise<void>;
  /** Of commands that have their outcomes, in order; `next`: the offset after them. Does not wait. */
  send(entries: readonly CommandEntry[], next: number): void;
  /** Waits for what is under way; its failure is told by `sentTo` alone. */
  close(): Promise<void>;
}

export function commandReplies(options: CommandRepliesOptions): CommandReplies {
  const { partition, topic, form, identity } = options;
  const { log } = topic;
  let sentTo = options.from.replied;
  let sending: Promise<void> = Promise.resolve();
  let waiting = 0;
  const failed = new AbortController();

  async function sendAgain({ topicId, replied, next }: CommandPosition, signal: AbortSignal): Promise<void> {
    const start = (await topic.bounds())[partition]?.start ?? next;
    for (let offset = Math.max(replied, start); offset < next && topic.keepsDecided && !signal.aborted;) {
      const { records, next: further } = await topic.next(partition, offset, signal);
      const own = records.filter((record) => record.offset < next);
      if (own.length > 0) await topic.reply(partition, await repliesTo(own, topicId));
      offset = further;
    }
    if (!signal.aborted) sentTo = next;
  }

  async function repliesTo(records: readonly CommandRecord[], topicId: string): Promise<readonly CommandReply[]> {
    const wanted = records.map((record) => ({ record, head: readHead(record, { log, topicId }) })).filter(({ head }) => head.wantsReply);
    if (wanted.length === 0) return [];
    const decided = await options.ledger.known(wanted.map(({ head }) => head.id));
    const parked = await options.ledger.parked(log, topicId, partition, wanted[0]!.record.offset, wanted.at(-1)!.record.offset + 1);
    return wanted.flatMap(({ record, head }) => {
      const known = parked.get(record.offset) ?? decided.get(head.id);
      return known === undefined ? [] : [replyOf(record, head, known.kind === "parked" ? known : storedOutcome(head.id, identity, known))];
    });
  }

  const replyOf = (
    record: CommandRecord,
    head: RecordHead,
    outcome: Outcome | Extract<KnownCommand, { kind: "parked" }>,
  ): CommandReply => ({
    commandId: head.id,
    key: head.key,
    accepted: "accepted" in outcome && outcome.accepted,
    answer: "accepted" in outcome ? form.ofOutcome(log, outcome) : outcome.answer,
    token: "accepted" in outcome && outcome.accepted ? outcome.token : null,
    correlationId: head.correlationId,
    traceparent: head.traceparent,
    offset: record.offset,
  });

  return {
    get sentTo() {
      return sentTo;
    },
    failed: failed.signal,
    sendAgain,
    send(entries, next) {
      if (failed.signal.aborted) return;
      const replies = entries
        .filter(({ head }) => head.wantsReply)
        .map(({ record, head, outcome, refusal }) =>
          replyOf(record, head, outcome ?? { kind: "parked", log, offset: record.offset, ...refusal! }),
        );
      if (replies.length === 0 && waiting === 0) {
        sentTo = next;
        return;
      }
      waiting += 1;
      sending = sending
        .then(async () => {
          if (failed.signal.aborted) return;
          if (replies.length > 0) await topic.reply(partition, replies);
          sentTo = next;
        })
        .catch((error: unknown) => failed.abort(error))
        .finally(() => {
          waiting -= 1;
        });
    },
    close: () => sending,
  };
}

/** What was stored for an id, as its caller gets it. */
export const storedOutcome = (id: string, identity: LogIdentity, { answer }: Extract<KnownCommand, { kind: "decided" }>): Outcome =>
  outcomeOf(
    { id, identity, partition: answer.partition, stream: answer.stream },
    answer.kind,
    answer.answer,
    answer.version,
    answer.position,
    true,
  );
