/** How fast a view is filled as a compacted topic: documents/s through the whole path of a projection's batch, beside the client producing the same records. */
import assert from "node:assert/strict";
import { ProduceAcks, Producer } from "@platformatic/kafka";
import type { LogEvent } from "../../src/core/message.ts";
import { openCluster, topicViewStore, type TopicViewStore } from "../../src/kafka/index.ts";
import { openDatabase, postgresViewCatalog } from "../../src/postgres/index.ts";
import type { Checkpoint } from "../../src/runtime/ports.ts";
import type { Benchmark, Case, Run, RunContext } from "../benchmark.ts";
import { orderEvents } from "../workload/events.ts";
import { eventsPerOrder } from "../workload/orders.ts";
import { freshPrefix } from "../workload/topic.ts";
import { expectedDocument, plainOrders } from "../workload/views.ts";

export default {
  name: "store-topic",
  title:
    "documents/s into a view's compacted topic of 6 partitions, 5,000 events a transaction, a checkpoint in PostgreSQL after each; the client producing the same records",
  cases: ({ quick }) => {
    const documents = quick ? 20_000 : 100_000;
    return [
      {
        ...filled("new documents, one event each", documents, 1),
        goals: [{ row: "store's own raw bulk rate", of: ours, against: raw, atLeast: 0.6 }],
      },
      filled("orders of 5 events, 1,000 open at a time", documents, eventsPerOrder),
    ];
  },
} satisfies Benchmark;

const ours = "Tidemark, apply";
const raw = "client's produce";
const batchSize = 5_000;
/** More of one partition in a send pass the client's default limits. */
const sendSize = 500;
const partitions = 6;
const view = plainOrders;
const silent = { debug() {}, info() {}, warn() {}, error() {} };

const filled = (name: string, documents: number, events: number): Case => ({
  name,
  against: raw,
  contenders: [
    { name: ours, run: (context) => applied(context, logOf(documents, events), documents, events) },
    { name: raw, run: (context) => produced(context, documents) },
  ],
});

/** Of each order its first event, or all of them, by partition. */
function logOf(documents: number, perDocument: number): LogEvent[][] {
  const log: LogEvent[][] = Array.from({ length: partitions }, () => []);
  for (const event of orderEvents({ events: documents * eventsPerOrder, partitions })) {
    if (event.version > perDocument) continue;
    const { data, metadata, commandId: _, ...rest } = event;
    const own = log[event.partition]!;
    const decoded = JSON.parse(metadata) as LogEvent["metadata"];
    own.push({ ...rest, position: own.length + 1, time: decoded.time, data: JSON.parse(data) as unknown, metadata: decoded });
  }
  return log;
}

async function open(context: RunContext) {
  const brokers = (await context.kafka()).brokers.join(",");
  const prefix = freshPrefix();
  const location = await context.database();
  const schema = "views";
  const database = await openDatabase({ url: location.url }, { schema });
  const handle = () =>
    topicViewStore({
      catalog: postgresViewCatalog(database, { schema, store: "kafka" }),
      cluster: openCluster({ brokers, prefix }),
      prefix,
      logger: silent,
    });
  const store = handle();
  await store.migrate({ ddl: true });
  await store.ensure(view);
  return { store, handle, database, brokers, topic: `${prefix}${view.name.replaceAll("_", "-")}-g1` };
}

async function applied(context: RunContext, log: readonly LogEvent[][], documents: number, perDocument: number): Promise<Run> {
  const { store, handle, database } = await open(context);
  const projection = store.projection(view, 1);
  const starts = await projection.checkpoints(new Map([["orders", partitions]]));
  const fill = async (start: Checkpoint): Promise<void> => {
    const events = log[start.partition]!;
    let from = start;
    for (let at = 0; at < events.length; at += batchSize) {
      const batch = events.slice(at, at + batchSize);
      const { position, id } = batch.at(-1)!;
      const to = { ...from, position, eventId: id };
      assert.equal(await projection.apply(from, to, batch), "applied");
      from = to;
    }
  };
  const { seconds } = await context.measured(() => Promise.all(starts.map(fill)));
  const readerSeconds = await check(handle(), documents, perDocument);
  await store.close();
  await database.close();
  return {
    figures: { "documents/s": documents / seconds },
    operations: documents,
    notes: { "first reading, documents/s": Math.round(documents / readerSeconds) },
  };
}

/** As a query process begins: it reads all of it. */
async function check(reader: TopicViewStore, documents: number, perDocument: number): Promise<number> {
  const begun = performance.now();
  await reader.caughtUp(view, 1);
  const seconds = (performance.now() - begun) / 1_000;
  const page = await reader.find(view, 1, { where: {}, order: [], limit: documents + 1 });
  assert.equal(page.items.length, documents);
  const expected = expectedDocument(view.name, Math.floor(documents / 2));
  const [found] = await reader.get(view, 1, [expected["orderId"] as string]);
  assert.equal(found?.version, perDocument);
  if (perDocument === eventsPerOrder) assert.deepEqual(found.document, expected);
  await reader.close();
  return seconds;
}

/** Keys, values and headers as ours are; one send of a partition in flight, the partitions side by side. */
async function produced(context: RunContext, documents: number): Promise<Run> {
  const { store, database, brokers, topic } = await open(context);
  await store.projection(view, 1).checkpoints(new Map([["orders", partitions]]));
  const log = logOf(documents, 1);
  let n = 0;
  const queues = log.map((events, partition) =>
    events.map((event) => ({
      topic,
      partition,
      key: Buffer.from(event.stream),
      value: Buffer.from(JSON.stringify(expectedDocument(view.name, n++))),
      headers: new Map(
        Object.entries({
          "ce_specversion": "1.0",
          "ce_source": `tidemark/views/${view.name}`,
          "ce_type": `${view.name}.updated`,
          "content-type": "application/json",
          "ce_id": event.id,
          "tidemark-position": String(event.position),
          "ce_time": event.time,
          "tidemark-version": "1",
        }).map(([name, value]) => [Buffer.from(name), Buffer.from(value)]),
      ),
    })),
  );
  const producer = new Producer({ clientId: "bench", bootstrapBrokers: brokers.split(","), retries: 5, retryDelay: 100 });
  const { seconds } = await context.measured(() =>
    Promise.all(
      queues.map(async (queue) => {
        for (let at = 0; at < queue.length; at += sendSize)
          await producer.send({ acks: ProduceAcks.ALL, messages: queue.slice(at, at + sendSize) });
      }),
    ),
  );
  await producer.close();
  await store.close();
  await database.close();
  return { figures: { "documents/s": documents / seconds }, operations: documents };
}
