/** Several relays of one log on a real PostgreSQL and Kafka. */
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import { fileURLToPath } from "node:url";
import { Admin } from "@platformatic/kafka";
import { kafkaTransport, openCluster, openLogWriter } from "../../src/kafka/index.ts";
import { eventStore, migrateWriteStore, openDatabase } from "../../src/postgres/index.ts";
import type { Cursor } from "../../src/runtime/ports.ts";
import { relay, type Relay } from "../../src/runtime/relay.ts";
import { eventually, range, recordingLogger } from "../memory-world.ts";
import { kafka, postgres, uniqueName } from "../services.ts";
import { testSchema, write } from "../write-side.ts";

const partitions = 6;

async function setUp(t: TestContext) {
  const log = uniqueName(t);
  const { brokers } = await kafka();
  const created = await (await postgres()).createDatabase();
  const stops: (() => Promise<unknown>)[] = [];
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop();
  });
  stops.push(() => created.drop());
  const open = async (applicationName: string) => {
    const database = await openDatabase({ url: created.url }, { schema: testSchema, applicationName });
    stops.push(() => database.close());
    return database;
  };
  const database = await open("appends");
  await migrateWriteStore(database, { schema: testSchema, ddl: true });
  const store = eventStore(database, { lanes: 1 });
  stops.push(() => store.close());
  const [identity] = await store.openLogs([log], partitions);
  const cluster = openCluster({ brokers: brokers.join(",") });
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
  stops.push(() => cluster.close());
  stops.push(async () => {
    await admin.deleteTopics({ topics: [`${log}-events`] });
    await admin.close();
  });

  let streams = 0;
  return {
    database,
    store,
    stops,
    /** `count` streams of five events. */
    async append(count: number) {
      const commands = range(1, count).map(() => write(`s-${streams++}`, 5, { log, partitions }));
      for (const outcome of await store.append(0, commands)) assert.equal(outcome.status, "appended");
      store.announce(log, []);
    },
    async relay(name: string): Promise<Relay> {
      const own = eventStore(await open(name));
      stops.push(() => own.close());
      const made = relay({
        store: own,
        identity: identity!,
        logger: recordingLogger(),
        maxEventBytes: 900_000,
        batch: 50,
        openWriter: (one, { create }) => openLogWriter(cluster, { topic: `${log}-events`, identity: one, create }),
      });
      stops.push(() => made.stop());
      return made;
    },
    /** Its partitions as it says them, and its end by SIGKILL. */
    async process() {
      const program = fileURLToPath(new URL("relay-process.ts", import.meta.url));
      const child = spawn(process.execPath, ["--conditions=source", program, created.url, brokers.join(","), log], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      const kill = async () => {
        if (child.exitCode !== null || child.signalCode !== null) return;
        child.kill("SIGKILL");
        await once(child, "exit");
      };
      stops.push(kill);
      let said: readonly number[] = [];
      createInterface({ input: child.stdout }).on("line", (line) => (said = line === "" ? [] : line.split(",").map(Number)));
      return { partitions: () => said, kill };
    },
    /** Reads the topic from its beginning: a gap or another event throws. Every event is there, and is the store's. */
    async allCarried() {
      const transport = kafkaTransport({ brokers: brokers.join(",") });
      const reader = await transport.reader(log);
      try {
        const heads = await store.heads(log);
        const cursors = new Map(
          range(0, partitions - 1).map((p): [number, Cursor] => [p, { partition: p, position: 0, eventId: null, logId: null, hint: null }]),
        );
        const expected = new Map(
          (
            await store.read(
              log,
              range(0, partitions - 1).map((partition) => ({ partition, position: 1 })),
              100_000,
            )
          ).map((event) => [`${event.partition}/${event.position}`, event]),
        );
        const signal = AbortSignal.timeout(30_000);
        while ([...cursors.values()].some((c) => c.position < heads[c.partition]!)) {
          signal.throwIfAborted();
          for (const { partition, events, next } of await reader.fetch([...cursors.values()], {
            maxEvents: 500,
            maxWaitMs: 1_000,
            signal,
          })) {
            cursors.set(partition, next);
            for (const event of events) {
              const stored = expected.get(`${partition}/${event.position}`)!;
              assert.deepEqual(
                [event.id, event.stream, event.version, event.data],
                [stored.id, stored.stream, stored.version, JSON.parse(stored.data)],
              );
            }
          }
        }
        assert.equal(
          expected.size,
          heads.reduce((a, b) => a + b),
        );
      } finally {
        await reader.close();
        await transport.close();
      }
    },
  };
}

const shared = (expected: readonly number[], ...of: readonly (() => readonly number[])[]) =>
  eventually(
    `shares ${expected.join()}`,
    () => {
      const all = of.flatMap((partitionsOf) => partitionsOf());
      return new Set(all).size === partitions && all.length === partitions && of.map((each) => each().length).join() === expected.join();
    },
    20_000,
  );

test("relays share six partitions, give back under load, and take over from one that stops, is cut off or is killed", async (t) => {
  const w = await setUp(t);
  const loading = { on: true };
  const load = (async () => {
    while (loading.on) await w.append(40);
  })();
  w.stops.push(async () => {
    loading.on = false;
    await load;
  });
  const first = await w.relay("first");
  await shared([6], () => first.state().partitions);
  const second = await w.relay("second");
  await shared(
    [3, 3],
    () => first.state().partitions,
    () => second.state().partitions,
  );
  const third = await w.process();
  await shared(
    [2, 2, 2],
    () => first.state().partitions,
    () => second.state().partitions,
    third.partitions,
  );
  await third.kill();
  await shared(
    [3, 3],
    () => first.state().partitions,
    () => second.state().partitions,
  );
  await w.database.query({ text: "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'first'" });
  await eventually("it noticed", () => first.state().state !== "running");
  await shared(
    [3, 3],
    () => first.state().partitions,
    () => second.state().partitions,
  );
  await first.stop();
  await shared([6], () => second.state().partitions);
  loading.on = false;
  await load;
  await w.allCarried();
  assert.equal(second.state().problem, null);
});
