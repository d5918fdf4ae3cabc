/** The topic of one generation: made with what compaction needs, looked at, deleted. */
import { deleteTopicsV6 } from "@platformatic/kafka";
import { answerOf, type Cluster, type TopicMetadata } from "./cluster.ts";
import { request } from "./connections.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { retrying } from "./retry.ts";
import { thereWithLeaders, topicSettings, weakReplication } from "./topics.ts";

/** A document may be larger than the events that it is made of. */
const settings = [
  { name: "cleanup.policy", value: "compact" },
  { name: "max.message.bytes", value: String(8 * 1024 * 1024) },
];
const limitMs = 15_000;
const deleteTimeoutMs = 10_000;
const gone: ReadonlySet<number> = new Set([code.none, code.unknownTopic, 100]);

export interface ViewTopic {
  readonly topicId: string;
  /** In words for the operator. */
  readonly weaknesses: readonly string[];
}

/**
 * Makes the topic where there is none; waits until each partition has a leader.
 * @throws PARTITIONS_CHANGED, INVALID_SETTING for a name that Kafka refuses, UNAVAILABLE, CLOSED
 */
export async function ensureViewTopic(cluster: Cluster, topic: string, log: string, partitions: number): Promise<ViewTopic> {
  const found = await thereWithLeaders(cluster, topic, log, partitions, settings);
  return { topicId: found.topicId, weaknesses: await weaknesses(cluster, topic, found) };
}

async function weaknesses(cluster: Cluster, topic: string, found: TopicMetadata): Promise<string[]> {
  const there = await topicSettings(cluster, topic);
  const policy = there.get("cleanup.policy") ?? "unset";
  const weak = weakReplication(topic, found, there);
  return policy === "compact"
    ? weak
    : [
        `Topic ${topic}: cleanup.policy is ${policy}, should be compact: Kafka removes documents by age, or keeps all of their past.`,
        ...weak,
      ];
}

/** Also where it is gone already. @throws UNAVAILABLE, CLOSED */
export async function deleteTopic(cluster: Cluster, topic: string): Promise<void> {
  await retrying({ what: cluster.label, limitMs, closed: cluster.closed }, async () => {
    const answer = await cluster.anyBroker((connection) =>
      request(
        connection,
        deleteTopicsV6.api,
        () => deleteTopicsV6.createRequest([{ name: topic }], deleteTimeoutMs),
        (reader) => answerOf(() => deleteTopicsV6.parseResponse(0, deleteTopicsV6.api.key, deleteTopicsV6.api.version, reader)),
      ),
    );
    const errorCode = answer.responses[0]?.errorCode ?? code.unknownTopic;
    if (!gone.has(errorCode)) throw new BrokerRefusal(`deletion of topic ${topic}`, errorCode);
  });
  await cluster.refresh(topic);
}
