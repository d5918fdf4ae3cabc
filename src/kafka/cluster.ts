/** What is known of a Kafka cluster: its brokers, who leads which partition, and the connections for short calls. */
import { type Connection, metadataV12, ResponseError } from "@platformatic/kafka";
import { TidemarkError } from "../errors.ts";
import { type Connections, openConnections, request } from "./connections.ts";
import { type BrokerAddress, type KafkaOptions, parseBrokers } from "./options.ts";
import { BrokerRefusal, code } from "./protocol-errors.ts";
import { retrying } from "./retry.ts";

export interface TopicMetadata {
  readonly topic: string;
  /** uuid; a topic deleted and made again has another one. */
  readonly topicId: string;
  /** By partition number; null where none leads at the moment. */
  readonly leaders: readonly (BrokerAddress | null)[];
  readonly replication: number;
  /** Brokers of the cluster that are up. */
  readonly brokers: number;
}

export interface Cluster {
  /** For messages. */
  readonly label: string;
  readonly clientId: string;
  readonly prefix: string;
  readonly bootstrap: readonly BrokerAddress[];
  /** Aborts on close. */
  readonly closed: AbortSignal;
  /** What the last attempt to learn anything of the cluster failed with; null where it did not. */
  readonly failure: unknown;
  /** Connections of the caller's own, which the cluster closes with itself. */
  connections(requestTimeoutMs: number): Connections;
  /** As last learnt; asks where nothing is known. null: no such topic. @throws UNAVAILABLE, CLOSED, INVALID_SETTING for a name that Kafka refuses */
  topic(name: string): Promise<TopicMetadata | null>;
  /** Asks anew; calls at the same time share one answer. @throws UNAVAILABLE, CLOSED */
  refresh(name: string): Promise<TopicMetadata | null>;
  /** A short call to any broker. Not repeated. */
  anyBroker<T>(call: (connection: Connection) => Promise<T>): Promise<T>;
  /** A short call to each leader of `partitions`, at the same time; repeated with fresh metadata where leaders moved or connections broke. @throws UNAVAILABLE, CLOSED, NOT_FOUND */
  leaders<T>(
    topic: string,
    partitions: readonly number[],
    call: (connection: Connection, partitions: readonly number[], topic: TopicMetadata) => Promise<T>,
  ): Promise<T[]>;
  close(): Promise<void>;
}

const callTimeoutMs = 10_000;
const retryLimitMs = 5_000;

/** Connects on first use. @throws INVALID_SETTING */
export function openCluster(options: KafkaOptions): Cluster {
  const bootstrap = parseBrokers(options.brokers);
  const clientId = options.clientId ?? "tidemark";
  const label = `Kafka at ${bootstrap.map((b) => `${b.host}:${b.port}`).join(",")}`;
  const closing = new AbortController();
  const sets = new Set<Connections>();
  const known = new Map<string, TopicMetadata>();
  const asking = new Map<string, Promise<TopicMetadata | null>>();
  let learnt: readonly BrokerAddress[] = [];
  let failure: unknown = null;

  const connections = (requestTimeoutMs: number): Connections => {
    const set = openConnections(clientId, requestTimeoutMs);
    sets.add(set);
    return {
      ...set,
      async close() {
        sets.delete(set);
        await set.close();
      },
    };
  };
  const calls = connections(callTimeoutMs);
  const retryOptions = { what: label, limitMs: retryLimitMs, closed: closing.signal };
  const anyBroker = async <T>(call: (connection: Connection) => Promise<T>): Promise<T> => {
    if (closing.signal.aborted) throw new TidemarkError("CLOSED", { what: label });
    return call(await calls.toAny(distinct([...learnt, ...bootstrap])));
  };

  const ask = async (name: string): Promise<TopicMetadata | null> => {
    const answer = await anyBroker((connection) =>
      request(connection, metadataV12.api, () => metadataV12.createRequest([name], false, false), parseMetadata),
    );
    learnt = answer.brokers.map(({ host, port }) => ({ host, port }));
    const topic = answer.topics.find((t) => t.name === name);
    if (topic === undefined || topic.errorCode === code.unknownTopic) return null;
    if (topic.errorCode === code.invalidTopic)
      throw new TidemarkError("INVALID_SETTING", { setting: `topic ${name}`, problem: "Kafka refuses the name" });
    if (topic.errorCode !== code.none) throw new BrokerRefusal(`topic ${name}`, topic.errorCode);
    const byNode = new Map(answer.brokers.map((b) => [b.nodeId, { host: b.host, port: b.port }]));
    const leaders: (BrokerAddress | null)[] = [];
    for (const partition of topic.partitions) leaders[partition.partitionIndex] = byNode.get(partition.leaderId) ?? null;
    return {
      topic: name,
      topicId: topic.topicId,
      leaders,
      replication: Math.min(...topic.partitions.map((p) => p.replicaNodes.length)),
      brokers: answer.brokers.length,
    };
  };

  const refresh = (name: string): Promise<TopicMetadata | null> => {
    const running = asking.get(name);
    if (running !== undefined) return running;
    const answer = retrying(retryOptions, async () => {
      try {
        const topic = await ask(name);
        failure = null;
        return topic;
      } catch (error) {
        failure = error;
        throw error;
      }
    })
      .then((topic) => {
        if (topic === null) known.delete(name);
        else known.set(name, topic);
        return topic;
      })
      .finally(() => asking.delete(name));
    asking.set(name, answer);
    return answer;
  };
  const topic = async (name: string) => known.get(name) ?? (await refresh(name));

  return {
    label,
    clientId,
    prefix: options.prefix ?? "",
    bootstrap,
    closed: closing.signal,
    get failure() {
      return failure;
    },
    connections,
    topic,
    refresh,
    anyBroker,
    leaders: (name, partitions, call) =>
      retrying({ ...retryOptions, before: () => refresh(name) }, async () => {
        const metadata = await topic(name);
        if (metadata === null) throw new TidemarkError("NOT_FOUND", { what: `topic ${name}` });
        const groups = byLeader(metadata, partitions);
        return Promise.all(groups.map(async (group) => call(await calls.to(group.leader), group.partitions, metadata)));
      }),
    async close() {
      closing.abort();
      await Promise.all([...sets].map((set) => set.close()));
      sets.clear();
    },
  };
}

/** @throws BrokerRefusal (LEADER_NOT_AVAILABLE) where a partition has no leader */
export function byLeader(
  metadata: TopicMetadata,
  partitions: readonly number[],
): { readonly leader: BrokerAddress; readonly partitions: number[] }[] {
  const groups = new Map<string, { leader: BrokerAddress; partitions: number[] }>();
  for (const partition of partitions) {
    const leader = metadata.leaders[partition];
    if (leader == null) throw new BrokerRefusal(`${metadata.topic}, partition ${partition}`, 5);
    const key = `${leader.host}:${leader.port}`;
    const group = groups.get(key);
    if (group === undefined) groups.set(key, { leader, partitions: [partition] });
    else group.partitions.push(partition);
  }
  return [...groups.values()];
}

/** The library's parser throws for error codes inside; they are data here. */
const parseMetadata = (reader: Parameters<typeof metadataV12.parseResponse>[3]) =>
  answerOf(() => metadataV12.parseResponse(0, metadataV12.api.key, metadataV12.api.version, reader));

/** What `parse` gives, or the answer that its ResponseError carries. */
export function answerOf<T>(parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof ResponseError && error["response"] != null) return error["response"] as T;
    throw error;
  }
}

const distinct = (brokers: readonly BrokerAddress[]): BrokerAddress[] => [
  ...new Map(brokers.map((b) => [`${b.host}:${b.port}`, b])).values(),
];
