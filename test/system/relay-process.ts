/** A relay as a process of its own, until it is killed. Says its partitions, one line for each change. Arguments: URL of the write database, brokers, log. */
import { openCluster, openLogWriter } from "../../src/kafka/index.ts";
import { eventStore, openDatabase } from "../../src/postgres/index.ts";
import { relay } from "../../src/runtime/relay.ts";
import { testSchema } from "../write-side.ts";

const [url, brokers, log] = process.argv.slice(2) as [string, string, string];
const database = await openDatabase({ url }, { schema: testSchema });
const store = eventStore(database);
const [identity] = await store.openLogs([log], undefined);
const cluster = openCluster({ brokers });
const logger = { debug: () => undefined, info: () => undefined, warn: console.error, error: console.error };
const own = relay({
  store,
  identity: identity!,
  logger,
  maxEventBytes: 900_000,
  openWriter: (one, { create }) => openLogWriter(cluster, { topic: `${log}-events`, identity: one, create }),
});
let said = "";
setInterval(() => {
  const now = own.state().partitions.join();
  if (now === said) return;
  said = now;
  console.log(now);
}, 20);
