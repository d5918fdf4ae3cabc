/** Topics of logs: made with the settings that a log needs, or checked. Auto-creation is never relied on. */
import { createTopicsV7, describeConfigsV4, metadataV12 } from "@platformatic/kafka";
import { TidemarkError } from "../errors.ts";
import { answerOf, type Cluster, type TopicMetadata } from "./cluster.ts";
import { request } from "./connections.ts";
import { BrokerRefusal, code, unavailable } from "./protocol-errors.ts";
import { retrying } from "./retry.ts";

export interface CheckedTopic {
  readonly topicId: string;
  /** The topic's `max.message.bytes`: the largest batch. */
  readonly maxBatchBytes: number;
  /** Settings weaker than a log needs, in words for the operator. */
  readonly weaknesses: readonly string[];
}

export interface TopicSetting {
  readonly name: string;
  readonly value: string;
}

const keepsAll: readonly TopicSetting[] = [
  { name: "cleanup.policy", value: "delete" },
  { name: "retention.ms", value: "-1" },
  { name: "retention.bytes", value: "-1" },
];
const limitMs = 15_000;
const missingLimitMs = 3_000;
const createTimeoutMs = 10_000;
const topicResource = 2;

/**
 * Makes the topic where there is none (or refuses, without `create`: it held records before), waits until every partition has a leader, and looks at its settings.
 * @throws LOG_DIVERGED where it is gone, PARTITIONS_CHANGED where it has another number of partitions, INVALID_SETTING where Kafka refuses the name, UNAVAILABLE, CLOSED
 */
export async function ensureTopic(
  cluster: Cluster,
  topic: string,
  log: string,
  partitions: number,
  mayCreate: boolean,
): Promise<CheckedTopic> {
  if (!mayCreate) await requireThere(cluster, topic, log);
  const found = await thereWithLeaders(cluster, topic, log, partitions, keepsAll);
  const settings = await topicSettings(cluster, topic);
  return {
    topicId: found.topicId,
    maxBatchBytes: Number(settings.get("max.message.bytes") ?? 1_048_588),
    weaknesses: weaknessesOf(topic, found, settings),
  };
}

/** Makes it where there is none; waits until each partition has a leader. @throws PARTITIONS_CHANGED, INVALID_SETTING, UNAVAILABLE, CLOSED */
export async function thereWithLeaders(
  cluster: Cluster,
  topic: string,
  log: string,
  partitions: number,
  settings: readonly TopicSetting[],
): Promise<TopicMetadata> {
  const found = await retrying({ what: cluster.label, limitMs, closed: cluster.closed }, async () => {
    const metadata = await cluster.refresh(topic);
    if (metadata === null) {
      await createTopic(cluster, topic, partitions, settings);
      throw new BrokerRefusal(`topic ${topic}`, code.unknownTopic); // asked for again until every broker knows it
    }
    if (metadata.leaders.length === 0 || metadata.leaders.some((leader) => leader === null)) throw new BrokerRefusal(`topic ${topic}`, 5);
    return metadata;
  });
  if (found.leaders.length !== partitions)
    throw new TidemarkError("PARTITIONS_CHANGED", { log, stored: found.leaders.length, asked: partitions });
  return found;
}

/** Asked for some time, since a broker that is just starting may not know its topics yet. */
async function requireThere(cluster: Cluster, topic: string, log: string): Promise<void> {
  let missing = false;
  try {
    await retrying({ what: cluster.label, limitMs: missingLimitMs, closed: cluster.closed }, async () => {
      missing = (await cluster.refresh(topic)) === null;
      if (missing) throw new BrokerRefusal(`topic ${topic}`, code.unknownTopic);
    });
  } catch (error) {
    if (!missing) throw error;
    throw new TidemarkError(
      "LOG_DIVERGED",
      { log, problem: `its topic ${topic} is gone, though positions were relayed to it` },
      { cause: error },
    );
  }
}

/** With the replication that a log's topic has. Nothing happens where it is there. @throws BrokerRefusal */
export async function createTopic(cluster: Cluster, topic: string, partitions: number, settings: readonly TopicSetting[]): Promise<void> {
  const { brokers } = await cluster.anyBroker((connection) => metadataV12.api.async(connection, [], false));
  const replicated = brokers.length >= 3;
  const configs = [
    ...settings,
    ...(replicated
      ? [
          { name: "min.insync.replicas", value: "2" },
          { name: "unclean.leader.election.enable", value: "false" },
        ]
      : []),
  ];
  const wanted = { name: topic, numPartitions: partitions, replicationFactor: replicated ? 3 : 1, assignments: [], configs };
  const answer = await cluster.anyBroker((connection) =>
    request(
      connection,
      createTopicsV7.api,
      () => createTopicsV7.createRequest([wanted], createTimeoutMs, false),
      (reader) => answerOf(() => createTopicsV7.parseResponse(0, createTopicsV7.api.key, createTopicsV7.api.version, reader)),
    ),
  );
  const made = answer.topics[0];
  if (made === undefined || made.errorCode === code.none || made.errorCode === code.topicExists) return;
  throw new BrokerRefusal(`creation of topic ${topic}${made.errorMessage === null ? "" : ` (${made.errorMessage})`}`, made.errorCode);
}

/** @throws UNAVAILABLE */
export async function topicSettings(cluster: Cluster, topic: string): Promise<Map<string, string | null>> {
  const resources = [{ resourceType: topicResource, resourceName: topic, configurationKeys: null }] as const;
  const answer = await retrying({ what: cluster.label, limitMs, closed: cluster.closed }, () =>
    cluster.anyBroker((connection) =>
      request(
        connection,
        describeConfigsV4.api,
        () => describeConfigsV4.createRequest([...resources], false, false),
        (reader) => answerOf(() => describeConfigsV4.parseResponse(0, describeConfigsV4.api.key, describeConfigsV4.api.version, reader)),
      ),
    ),
  );
  const result = answer.results[0];
  if (result === undefined || result.errorCode !== code.none)
    throw unavailable(`the configuration of topic ${topic}`, new BrokerRefusal(`topic ${topic}`, result?.errorCode ?? -1));
  return new Map(result.configs.map((config) => [config.name, config.value ?? null]));
}

function weaknessesOf(topic: string, { replication, brokers }: TopicMetadata, settings: ReadonlyMap<string, string | null>): string[] {
  const found: string[] = [];
  const want = (name: string, wanted: string, consequence: string) => {
    const value = settings.get(name);
    if (value !== wanted) found.push(`Topic ${topic}: ${name} is ${value ?? "unset"}, should be ${wanted}: ${consequence}.`);
  };
  want("cleanup.policy", "delete", "compaction removes events, and a read model can no longer be rebuilt from this topic");
  want("retention.ms", "-1", "Kafka removes old events, and a read model can no longer be rebuilt from this topic");
  want("retention.bytes", "-1", "Kafka removes old events, and a read model can no longer be rebuilt from this topic");
  return [...found, ...weakReplication(topic, { replication, brokers }, settings)];
}

/** Of any topic that must lose nothing. */
export function weakReplication(
  topic: string,
  { replication, brokers }: Pick<TopicMetadata, "replication" | "brokers">,
  settings: ReadonlyMap<string, string | null>,
  what: "event" | "command" = "event",
): string[] {
  const found: string[] = [];
  if (brokers < 3) return found;
  if (replication < 3)
    found.push(
      `Topic ${topic}: it has ${replication} ${replication === 1 ? "replica" : "replicas"}, should have 3: a lost broker can take ${what}s with it.`,
    );
  const inSync = Number(settings.get("min.insync.replicas"));
  if (!(inSync >= 2))
    found.push(`Topic ${topic}: min.insync.replicas is ${inSync}, should be 2: one broker alone can acknowledge ${what}s.`);
  const unclean = settings.get("unclean.leader.election.enable");
  if (unclean !== "false")
    found.push(
      `Topic ${topic}: unclean.leader.election.enable is ${unclean ?? "unset"}, should be false: a broker that lags can become leader and take acknowledged ${what}s away.`,
    );
  return found;
}
