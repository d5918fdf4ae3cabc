/**
 * From a checkpoint's commit to the answer of those who waited for it (design, I5): real PostgreSQL and Kafka, 6 partitions,
 * clients that create an order and at once read it with the token. Goals: p99 <= 20 ms in one process, <= 50 ms across; no wake by the fallback.
 */
import { fork } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { orders } from "../examples/orders/domain.ts";
import { customers } from "../examples/orders/domain.ts";
import { orderDetails } from "../examples/orders/views.ts";
import { parseToken } from "../src/core/index.ts";
import { kafkaTransport, openCluster, openLogWriter, topicOf } from "../src/kafka/index.ts";
import { eventStore, migrateWriteStore, openDatabase, postgresViewStore } from "../src/postgres/index.ts";
import { commandHandler } from "../src/runtime/command-handler.ts";
import type { CheckpointMoved } from "../src/runtime/ports.ts";
import { querySide } from "../src/runtime/queries.ts";
import { relay } from "../src/runtime/relay.ts";
import { viewWorker } from "../src/runtime/view-worker.ts";
import type { TestKafka, TestPostgres } from "../test/services.ts";
import { quiet } from "./quiet.ts";
import { spread } from "./spread.ts";

export interface WakeOptions {
  /** The projection in a process of its own. */
  readonly split: boolean;
  readonly clients: number;
  readonly ordersPerClient: number;
}

/** Orders of each client that are made and checked, but not measured: until then the code is being compiled. */
const warmUp = 20;

type Commit = Pick<CheckpointMoved, "partition" | "position"> & { readonly at: number };
const now = () => performance.timeOrigin + performance.now();

export async function wake(
  { split, clients, ordersPerClient }: WakeOptions,
  { brokers, server }: { readonly brokers: TestKafka; readonly server: TestPostgres },
) {
  const [write, read] = await Promise.all([server.createDatabase(), server.createDatabase()]);
  const writeDatabase = await openDatabase({ url: write.url }, { schema: "tidemark" });
  await migrateWriteStore(writeDatabase, { schema: "tidemark", ddl: true });
  const store = eventStore(writeDatabase);
  const prefix = `bench${randomUUID().slice(0, 8)}-`;
  const identities = new Map((await store.openLogs([customers.name, orders.name], 6)).map((identity) => [identity.log, identity]));
  const options = { brokers: brokers.brokers.join(","), prefix };
  const cluster = openCluster(options);
  const relays = [...identities.values()].map((identity) =>
    relay({
      store,
      identity,
      openWriter: () => openLogWriter(cluster, { topic: topicOf(prefix, identity.log), identity }),
      logger: quiet,
      maxEventBytes: 1_000_000,
    }),
  );
  const readDatabase = await openDatabase({ url: read.url }, { schema: "tidemark_views" });
  const views = postgresViewStore(readDatabase, { schema: "tidemark_views" });
  await views.migrate({ ddl: true });

  const commits: Commit[] = [];
  const transport = kafkaTransport(options);
  let stopProjection: () => Promise<unknown>;
  if (split) {
    const child = fork(new URL("./projection-process.ts", import.meta.url), {
      execArgv: ["--conditions=source"],
      env: { ...process.env, READ_DATABASE_URL: read.url, KAFKA_BROKERS: options.brokers, TIDEMARK_BENCH_PREFIX: prefix },
    });
    const started = new Promise<void>((resolve) =>
      child.on("message", (message: Commit | "started") => (message === "started" ? resolve() : commits.push(message))),
    );
    await started;
    stopProjection = async () => {
      child.send("stop");
      await once(child, "exit");
    };
  } else {
    await views.onCheckpoint((moved) => moved !== undefined && moved.log === orders.name && commits.push({ ...moved, at: now() }));
    const worker = viewWorker({ view: orderDetails, store: views, transport, group: "bench", logger: quiet });
    await worker.started;
    stopProjection = () => worker.stop();
  }
  const queries = await querySide({ stores: new Map([[orderDetails, views]]) });
  const commands = commandHandler({ store, aggregates: [customers, orders], identities, logger: quiet });

  const answers: { readonly partition: number; readonly position: number; readonly at: number; readonly writtenAt: number }[] = [];
  let wrong = 0;
  const client = async () => {
    for (let i = -warmUp; i < ordersPerClient; i += 1) {
      const id = randomUUID();
      const made = await commands.execute(
        orders.commands.CreateOrder(id, {
          customerId: "c-1",
          items: [{ productId: "p-1", name: "Coffee", quantity: 1, unitPrice: "1.00" }],
        }),
      );
      if (!made.accepted) throw new Error(made.rejection);
      const writtenAt = now();
      const { value } = await queries.get(orderDetails, id, { token: made.token });
      const at = now();
      if (value?.version !== 1) wrong += 1;
      const [part] = parseToken(made.token);
      if (i >= 0) answers.push({ partition: part!.partition, position: part!.position, at, writtenAt });
    }
  };
  const startedAt = performance.now();
  await Promise.all(Array.from({ length: clients }, client));
  const seconds = (performance.now() - startedAt) / 1_000;

  const { fallbackWakes } = queries;
  await queries.close();
  await commands.close();
  await stopProjection();
  await Promise.all(relays.map((each) => each.stop()));
  await transport.close();
  await cluster.close();
  await views.close();
  await readDatabase.close();
  await store.close();
  await writeDatabase.close();
  await Promise.all([write.drop(), read.drop()]);

  // The commit that first covered what an answer waited for.
  const waits = answers.map(
    (answer) =>
      answer.at - Math.min(...commits.filter((c) => c.partition === answer.partition && c.position >= answer.position).map((c) => c.at)),
  );
  if (wrong > 0) throw new Error(`${wrong} reads with a token found old or no data`);
  if (waits.some((wait) => !Number.isFinite(wait))) throw new Error("an answer came without any commit that covers it");
  return {
    form: split ? "projection in another process" : "one process",
    clients,
    reads: answers.length,
    readsPerSecond: Math.round((answers.length + clients * warmUp) / seconds),
    commitToAnswerMs: spread(waits),
    writeToAnswerMs: spread(answers.map((a) => a.at - a.writtenAt)),
    fallbackWakes,
  };
}
