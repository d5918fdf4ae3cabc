/** Views as compacted topics: `viewStores: { orders_read: topic() }`. Needs npm package `@platformatic/kafka`, as the transport does. */
import { TidemarkError } from "../errors.ts";
import type { ViewStoreChoice } from "../runtime/view-store-choice.ts";
import { kind } from "./view-topic-names.ts";

export interface TopicOptions {
  /** `host:port,host:port`, in place of the setting KAFKA_BROKERS. */
  readonly brokers?: string;
}

/**
 * Keeps a view's documents in a compacted topic of the Kafka that KAFKA_BROKERS names, one for each generation: `<prefix>orders-read-g1`, with tombstones
 * where documents are deleted. Processes that answer queries read it whole and answer from memory. Without KAFKA_BROKERS the view stays in the read database.
 */
export function topic(options: TopicOptions = {}): ViewStoreChoice {
  return {
    kind,
    async open({ environment, prefix, catalog, logger }) {
      const brokers = options.brokers ?? environment["KAFKA_BROKERS"]?.trim();
      if (brokers === undefined || brokers === "") return null;
      const { openCluster, topicViewStore } = await adapter();
      return topicViewStore({ catalog: catalog(kind), cluster: openCluster({ brokers, prefix }), prefix, logger });
    },
  };
}

async function adapter() {
  try {
    const [{ openCluster }, { topicViewStore }] = await Promise.all([import("./cluster.ts"), import("./view-topic-store.ts")]);
    return { openCluster, topicViewStore };
  } catch (cause) {
    throw new TidemarkError("MISSING_PACKAGE", { name: "@platformatic/kafka", purpose: "to keep views in topics" }, { cause });
  }
}
