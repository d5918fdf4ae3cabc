/** `tidemark/kafka`: the copy of logs in Kafka, as the relay writes it and as projections read it. */
export { type Cluster, openCluster } from "./cluster.ts";
export { type CommandTopicOptions, commandTopicEnds, openCommandTopic } from "./command-topic.ts";
export { openLogWriter } from "./log-writer.ts";
export { type BrokerAddress, type KafkaOptions, parseBrokers, commandTopicOf, repliesTopicOf, topicOf } from "./options.ts";
export { recordBytes } from "./record-writing.ts";
export { kafkaTransport, type KafkaTransportOptions } from "./transport.ts";
export { topic, type TopicOptions } from "./view-topic.ts";
export { viewTopicOf } from "./view-topic-names.ts";
export { type TopicViewStore, topicViewStore, type TopicViewStoreOptions } from "./view-topic-store.ts";
