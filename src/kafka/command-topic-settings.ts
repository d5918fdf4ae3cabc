/** What the topics of commands and replies need of Kafka's settings: a command that nobody has decided yet exists nowhere else. */
import { TidemarkError } from "../errors.ts";
import type { Cluster } from "./cluster.ts";
import { thereWithLeaders, topicSettings, type TopicSetting, weakReplication } from "./topics.ts";

export interface CheckedCommandTopic {
  readonly topicId: string;
  /** The topic's `max.message.bytes`. */
  readonly maxBatchBytes: number;
  /** In words for the operator. */
  readonly weaknesses: readonly string[];
}

const made: readonly TopicSetting[] = [
  { name: "cleanup.policy", value: "delete" },
  { name: "retention.ms", value: "-1" },
  { name: "retention.bytes", value: "-1" },
];

/**
 * Makes the topic where there is none and `create` says so, waits until every partition has a leader, and looks at its settings.
 * @throws UNAVAILABLE where it is not there, PARTITIONS_CHANGED, INVALID_SETTING for a name that Kafka refuses and for compaction, which takes undecided commands; CLOSED
 */
export async function checkedCommandTopic(
  cluster: Cluster,
  topic: string,
  log: string,
  partitions: number,
  create: boolean,
): Promise<CheckedCommandTopic> {
  if (!create && (await cluster.refresh(topic)) === null) throw new TidemarkError("UNAVAILABLE", { what: `Topic ${topic}` });
  const found = await thereWithLeaders(cluster, topic, log, partitions, made);
  const settings = await topicSettings(cluster, topic);
  if ((settings.get("cleanup.policy") ?? "").includes("compact"))
    throw new TidemarkError("INVALID_SETTING", {
      setting: `cleanup.policy of topic ${topic}`,
      problem: `it is ${settings.get("cleanup.policy")}, and compaction keeps the last record of a stream only; set it to delete`,
    });
  return {
    topicId: found.topicId,
    maxBatchBytes: Number(settings.get("max.message.bytes") ?? 1_048_588),
    weaknesses: [...keepsLess(topic, settings), ...weakReplication(topic, found, settings, "command")],
  };
}

function keepsLess(topic: string, settings: ReadonlyMap<string, string | null>): string[] {
  const consequence = "what is older or more is removed, also what nobody has decided or read yet";
  return ["retention.ms", "retention.bytes"].flatMap((name) => {
    const value = settings.get(name) ?? "unset";
    return value === "-1" ? [] : [`Topic ${topic}: ${name} is ${value}, should be -1: ${consequence}.`];
  });
}
