/** A worker in a process of its own, ended from outside: it tells where it is, and stays there. */
import { readFileSync } from "node:fs";
import type { LogEvent } from "../src/core/message.ts";
import { openCluster } from "../src/kafka/cluster.ts";
import { kind } from "../src/kafka/view-topic-names.ts";
import { topicViewStore } from "../src/kafka/view-topic-store.ts";
import { postgresDatabase } from "../src/postgres/postgres-database.ts";
import { postgresViewCatalog } from "../src/postgres/view-catalog.ts";
import type { ViewCatalog } from "../src/runtime/view-catalog.ts";
import { orderTotals } from "./view-domain.ts";
import { after } from "./view-stores.ts";

export interface ChildArgs {
  readonly url: string;
  readonly brokers: string;
  readonly prefix: string;
  /** JSON of a partition's events. */
  readonly file: string;
  readonly limit: number;
  /** Where it stays: after the transaction, or in it when the second of its batches is to be sent. */
  readonly stop: "move" | "second batch";
}

export const schema = "views";

/** Never comes back. */
async function stay(): Promise<never> {
  process.send?.("there");
  return new Promise<never>(() => setInterval(() => undefined, 1_000));
}

const silent = { debug() {}, info() {}, warn() {}, error() {} };

async function main({ url, brokers, prefix, file, limit, stop }: ChildArgs): Promise<void> {
  const catalog = postgresViewCatalog(postgresDatabase(url, { schema, poolSize: 2 }), { schema, store: kind });
  const cluster = openCluster({ brokers, prefix });
  const stopping: ViewCatalog = {
    ...catalog,
    of: (view, generation) => ({ ...catalog.of(view, generation), ...(stop === "move" ? { move: stay } : {}) }),
  };
  let asked = 0;
  const store = topicViewStore({
    catalog: stopping,
    cluster: { ...cluster, topic: (name) => (stop === "second batch" && ++asked === 2 ? stay() : cluster.topic(name)) },
    prefix,
    logger: silent,
  });
  const projection = store.projection(orderTotals, 1);
  const from = await projection.checkpoint("orders", 0);
  const events = (JSON.parse(readFileSync(file, "utf8")) as LogEvent[]).slice(from.position, from.position + limit);
  await projection.apply(from, after(from, events), events);
}

const args = process.argv[2];
if (args !== undefined && process.send !== undefined) await main(JSON.parse(args) as ChildArgs);
