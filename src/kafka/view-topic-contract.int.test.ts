import { setImmediate } from "node:timers/promises";
/** The contract of view stores on compacted topics, as far as topics go. */
import { kafka, uniqueName } from "../../test/services.ts";
import type { AnyView } from "../core/definition.ts";
import { readDatabase } from "../memory/read-database.ts";
import { memoryViewCatalog } from "../memory/view-catalog.ts";
import type { Logger, ViewStore } from "../runtime/ports.ts";
import type { ViewCatalog } from "../runtime/view-catalog.ts";
import { allFeatures, lacks, type Steps, viewStoreContract } from "../testing/view-store-contract.ts";
import { openCluster } from "./cluster.ts";
import { kind, viewTopicOf } from "./view-topic-names.ts";
import { deleteTopic } from "./view-topic-setup.ts";
import { type TopicViewStore, topicViewStore } from "./view-topic-store.ts";

const brokers = (await kafka()).brokers.join(",");
const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };

/** A query without a token is answered by what this process has read so far. The suite asks for what others have just written. */
const patient = (store: TopicViewStore): ViewStore => {
  const ready = async (view: AnyView, generation: number) => {
    // the catalogue here is in memory: without a turn of the loop, readers in a row would keep everybody else from theirs
    await setImmediate();
    await store.caughtUp(view, generation);
  };
  return {
    ...store,
    get: async (view, generation, keys) => (await ready(view, generation), store.get(view, generation, keys)),
    find: async (view, generation, query) => (await ready(view, generation), store.find(view, generation, query)),
  };
};

const withSteps = (catalog: ViewCatalog, steps: Steps): ViewCatalog => ({
  ...catalog,
  of(view, generation) {
    const checkpoints = catalog.of(view, generation);
    return { ...checkpoints, move: (from, to) => steps.around("move", () => checkpoints.move(from, to)) };
  },
});

viewStoreContract("topic", {
  rounds: 1,
  open() {
    const database = readDatabase();
    const prefix = `${uniqueName()}-`;
    const dropAll = async (): Promise<void> => {
      const cluster = openCluster({ brokers });
      for (const [view, generations] of database.generations)
        for (const generation of generations.keys()) await deleteTopic(cluster, viewTopicOf(prefix, view, generation));
      await cluster.close();
    };
    return Promise.resolve({
      async store(steps) {
        const [catalog, cluster] = [memoryViewCatalog(database, kind), openCluster({ brokers, prefix })];
        const store = topicViewStore({
          catalog: steps === undefined ? catalog : withSteps(catalog, steps),
          // asked for before each batch of a transaction that has begun
          cluster: steps === undefined ? cluster : { ...cluster, topic: (name) => steps.around("produce", () => cluster.topic(name)) },
          prefix,
          logger: silent,
        });
        await store.migrate({ ddl: true });
        return patient(store);
      },
      async neighbour() {
        const other = `${prefix}other-`;
        const catalog = memoryViewCatalog(readDatabase(), kind);
        const store = topicViewStore({ catalog, cluster: openCluster({ brokers, prefix: other }), prefix: other, logger: silent });
        await store.migrate({ ddl: true });
        return patient(store);
      },
      loseStorage: dropAll,
      close: dropAll,
    });
  },
  features: allFeatures({
    sharedKeys: lacks("a topic has no conditional write to order workers of several partitions"),
    references: lacks("a topic has no conditional write to keep copies right"),
    search: lacks("a topic has no index of words"),
    rollups: lacks("a topic keeps documents, not groups"),
  }),
});
