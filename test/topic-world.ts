/** A view's topic and its catalogue, shared by the handles of several "processes", for tests. */
import type { TestContext } from "node:test";
import type { LogEvent } from "../src/core/message.ts";
import { type Cluster, openCluster } from "../src/kafka/cluster.ts";
import { kind, viewTopicOf } from "../src/kafka/view-topic-names.ts";
import { type TopicViewStore, topicViewStore } from "../src/kafka/view-topic-store.ts";
import { readDatabase } from "../src/memory/read-database.ts";
import { memoryViewCatalog, type MemoryViewCatalog } from "../src/memory/view-catalog.ts";
import type { Checkpoint, Logger, ViewProjection } from "../src/runtime/ports.ts";
import { uniqueName } from "./services.ts";
import { orderTotals, type Logs } from "./view-domain.ts";
import { after } from "./view-stores.ts";

export interface TopicProcess {
  readonly store: TopicViewStore;
  readonly catalog: MemoryViewCatalog;
  readonly cluster: Cluster;
}

const silent: Logger = { debug() {}, info() {}, warn() {}, error() {} };
export const view = orderTotals;

export function topicWorld(t: TestContext, brokers: string, partitions: number) {
  const database = readDatabase();
  const prefix = `${uniqueName(t)}-`;
  const opened: TopicViewStore[] = [];
  t.after(() => Promise.all(opened.map((store) => store.close())));
  return {
    prefix,
    database,
    topic: viewTopicOf(prefix, view.name, 1),
    /** Another process on the same topic and read database. */
    open(): TopicProcess {
      const catalog = memoryViewCatalog(database, kind);
      const cluster = openCluster({ brokers, prefix });
      const store = topicViewStore({ catalog, cluster, prefix, logger: silent });
      opened.push(store);
      return { store, catalog, cluster };
    },
    /** As the worker of all partitions begins. */
    async feed({ store }: TopicProcess): Promise<ViewProjection> {
      await store.migrate({ ddl: true });
      const { generations } = await store.ensure(view);
      const projection = store.projection(view, generations.at(-1)!.generation);
      await projection.checkpoints(new Map([["orders", partitions]]));
      return projection;
    },
  };
}

/** What comes after `from`, `limit` events at most. */
export function batchAfter(logs: Logs, from: Checkpoint, limit: number): { readonly to: Checkpoint; readonly events: readonly LogEvent[] } {
  const events = logs.orders[from.partition]!.slice(from.position, from.position + limit);
  return { to: after(from, events), events };
}
