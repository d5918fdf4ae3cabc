/** `<log>-commands` and `<log>-replies`: commands that are accepted first and decided later, and outcomes for those who asked. */
import { isTidemarkError, TidemarkError } from "../errors.ts";
import type { CommandReply, CommandTopic } from "../runtime/command-ports.ts";
import { commandHeader } from "../runtime/command-record.ts";
import { pause } from "../runtime/wake.ts";
import type { Cluster } from "./cluster.ts";
import { checkedCommandTopic } from "./command-topic-settings.ts";
import { joinGroup, type MembershipOptions } from "./membership.ts";
import { commandTopicOf, repliesTopicOf } from "./options.ts";
import { topicProducer, type TopicProducer } from "./topic-producer.ts";
import { topicReader } from "./topic-reader.ts";
import { waitingCommands } from "./waiting-commands.ts";
import { listOffsets } from "./wire-offsets.ts";

const withoutDetails = (reply: CommandReply): CommandReply => ({
  ...reply,
  key: null,
  correlationId: null,
  traceparent: null,
  answer: { status: reply.answer.status, body: null },
});

export interface CommandTopicOptions {
  readonly log: string;
  /** As many as the log has. */
  readonly partitions: number;
  /** Makes the topics where there are none; else they are awaited by nobody: UNAVAILABLE. */
  readonly create: boolean;
  /** Of processors; the prefix is put before it. */
  readonly group: string;
  readonly membership?: Partial<MembershipOptions>;
}

const failurePauseMs = 500;

/** @throws PARTITIONS_CHANGED, UNAVAILABLE, INVALID_SETTING, CLOSED */
export async function openCommandTopic(cluster: Cluster, options: CommandTopicOptions): Promise<CommandTopic> {
  const { log, partitions: count } = options;
  const names = { commands: commandTopicOf(cluster.prefix, log), replies: repliesTopicOf(cluster.prefix, log) };
  const partitions = [...Array(count).keys()];
  const open = async (topic: string) => {
    const checked = await checkedCommandTopic(cluster, topic, log, count, options.create);
    return { ...checked, topic, log };
  };
  const commands = await open(names.commands);
  const replies = await open(names.replies);
  const producer = topicProducer(cluster, commands);
  const reader = topicReader(cluster, commands);
  const waiting = waitingCommands(cluster, commands, partitions);
  const closing = new AbortController();
  const ends: (() => Promise<void>)[] = [];
  let replier: TopicProducer | undefined;

  const sameTopic = async (): Promise<void> => {
    const metadata = await cluster.refresh(commands.topic);
    if (metadata !== null && metadata.topicId !== commands.topicId)
      throw new TidemarkError("LOG_DIVERGED", { log, problem: `topic ${commands.topic} was deleted and made again` });
  };

  return {
    log,
    topicId: commands.topicId,
    keepsDecided: true,
    weaknesses: [...commands.weaknesses, ...replies.weaknesses],
    send: (partition, record) => producer.produce(partition, record),
    next: (partition, offset, signal) => reader.next(partition, offset, signal),
    async bounds() {
      await sameTopic();
      const [starts, stops] = await Promise.all([
        listOffsets(cluster, commands.topic, partitions, "start"),
        listOffsets(cluster, commands.topic, partitions, "end"),
      ]);
      return partitions.map((partition) => ({ start: starts.get(partition)!, end: stops.get(partition)! }));
    },
    waits: (id, from) => waiting.has(id, from),

    async reply(partition, told) {
      const out = (replier ??= topicProducer(cluster, replies));
      await Promise.all(
        told.map((reply) =>
          out.produce(partition, replyRecord(log, reply)).catch((error: unknown) => {
            if (!isTidemarkError(error, "PAYLOAD_TOO_LARGE")) throw error;
            // a reply that does not fit must not hold up the partition: its outcome is at GET /commands/{id}
            return out.produce(partition, replyRecord(log, withoutDetails(reply)));
          }),
        ),
      );
    },

    async onReplies(callback) {
      const stop = new AbortController();
      const tails = topicReader(cluster, replies);
      const signal = AbortSignal.any([stop.signal, closing.signal]);
      const from = await listOffsets(cluster, replies.topic, partitions, "end");
      const tail = async (partition: number): Promise<void> => {
        for (let offset = from.get(partition)!; !signal.aborted;) {
          try {
            const { records, next } = await tails.next(partition, offset, signal);
            callback(records.flatMap(({ headers }) => commandIdIn(headers) ?? []));
            offset = next;
          } catch {
            // whoever waits asks the store at the latest when its time is over
            await pause(failurePauseMs, signal);
          }
        }
      };
      const running = Promise.all(partitions.map(tail));
      const end = async (): Promise<void> => {
        stop.abort();
        await tails.close();
        await running;
      };
      ends.push(end);
      return end;
    },

    async join(onAssigned) {
      const membership = { sessionTimeoutMs: 8_000, heartbeatMs: 500, ...options.membership };
      const member = await joinGroup(cluster, `${cluster.prefix}${options.group}`, [commands.topic], membership, (assignments) =>
        onAssigned(assignments.flatMap((each) => (each.topic === commands.topic ? each.partitions : []))),
      );
      ends.push(() => member.leave());
      return { leave: () => member.leave() };
    },

    async close() {
      closing.abort();
      await Promise.all([...ends.map((end) => end()), reader.close(), producer.close(), replier?.close()]);
    },
  };
}

/** By partition number; none where there is no such topic. @throws UNAVAILABLE */
export async function commandTopicEnds(cluster: Cluster, log: string): Promise<readonly number[]> {
  const topic = commandTopicOf(cluster.prefix, log);
  const metadata = await cluster.refresh(topic);
  if (metadata === null) return [];
  const partitions = [...metadata.leaders.keys()];
  const ends = await listOffsets(cluster, topic, partitions, "end");
  return partitions.map((partition) => ends.get(partition)!);
}

const commandIdIn = (headers: readonly (readonly [string, Uint8Array])[]): string | undefined => {
  const found = headers.find(([name]) => name === commandHeader.commandId);
  return found === undefined ? undefined : Buffer.from(found[1]).toString("utf8");
};

/** CloudEvents in binary mode, as commands and events are; the value is what `GET /commands/{id}` answers. */
function replyRecord(log: string, { commandId, key, accepted, answer, token, correlationId, traceparent, offset }: CommandReply) {
  const status = accepted ? "accepted" : "rejected";
  const headers = [
    [commandHeader.specVersion, "1.0"],
    [commandHeader.id, `${commandId}/${offset}`],
    [commandHeader.source, `tidemark/${log}`],
    [commandHeader.type, accepted ? "CommandAccepted" : "CommandRejected"],
    [commandHeader.contentType, "application/json"],
    [commandHeader.commandId, commandId],
    ["tidemark-command-offset", String(offset)],
    ["tidemark-consistency-token", token],
    [commandHeader.correlationId, correlationId],
    [commandHeader.traceparent, traceparent],
  ] as const;
  return {
    key: key ?? "",
    value: JSON.stringify({ commandId, status, answer }),
    headers: headers.filter((each): each is typeof each & readonly [string, string] => each[1] !== null),
  };
}
