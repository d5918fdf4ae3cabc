import { orderDetails } from "../examples/orders/views.ts";
/** A projection role in a process of its own that tells its parent the moment of each checkpoint's commit. Settings as of the orders service. */
import { kafkaTransport } from "../src/kafka/index.ts";
import { openDatabase, postgresViewStore } from "../src/postgres/index.ts";
import { viewWorker } from "../src/runtime/view-worker.ts";
import { quiet } from "./quiet.ts";

const { READ_DATABASE_URL: url = "", KAFKA_BROKERS: brokers = "" } = process.env;
const schema = "tidemark_views";
const database = await openDatabase({ url }, { schema });
const store = postgresViewStore(database, { schema });
await store.migrate({ ddl: true });
await store.onCheckpoint((moved) => {
  if (moved !== undefined && moved.log === "orders")
    process.send?.({ partition: moved.partition, position: moved.position, at: performance.timeOrigin + performance.now() });
});
const transport = kafkaTransport({ brokers, prefix: process.env["TIDEMARK_BENCH_PREFIX"] ?? "" });
const worker = viewWorker({ view: orderDetails, store, transport, group: `bench.${orderDetails.name}`, logger: quiet });
await worker.started;
process.send?.("started");
process.once("message", () => {
  const stop = async () => {
    await worker.stop();
    await transport.close();
    await store.close();
    await database.close();
    process.disconnect();
  };
  void stop();
});
