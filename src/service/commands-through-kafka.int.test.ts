/** Commands through real Kafka into real PostgreSQL, sent by the library's own producer as a stranger would. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Admin, Producer, stringSerializers } from "@platformatic/kafka";
import { form } from "../../test/command-world.ts";
import { counters } from "../../test/counters.ts";
import { eventually, recordingLogger } from "../../test/memory-world.ts";
import { kafka, uniqueName } from "../../test/services.ts";
import { engines, writeStore } from "../../test/write-side.ts";
import { partitionOf } from "../core/partition.ts";
import { openCluster, openCommandTopic } from "../kafka/index.ts";
import { commandLedger } from "../postgres/index.ts";
import { commandAcceptance } from "../runtime/command-acceptance.ts";
import type { CommandReply, CommandTopic } from "../runtime/command-ports.ts";
import { commandProcessor } from "../runtime/command-processor.ts";

const partitions = 2;
const postgresEngine = engines.find(({ name }) => name === "postgres")!;

async function setUp(t: TestContext) {
  const { brokers } = await kafka();
  const prefix = `${uniqueName(t)}-`;
  const { database, again } = await postgresEngine.open(t);
  const store = await writeStore(t, database);
  const [identity] = await store.openLogs(["counters"], partitions);
  const logger = recordingLogger();
  const stops: (() => Promise<unknown>)[] = [];
  const producer = new Producer({ clientId: "stranger", bootstrapBrokers: [...brokers], serializers: stringSerializers });
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
  t.after(async () => {
    for (const stop of stops.toReversed()) await stop();
    await producer.close();
    await admin.deleteTopics({ topics: [`${prefix}counters-commands`, `${prefix}counters-replies`] });
    await admin.close();
  });

  /** Everything that a process has of its own. */
  const member = async (create: boolean) => {
    const own = await again();
    const cluster = openCluster({ brokers: brokers.join(","), prefix });
    const ledger = commandLedger(own);
    const replies: CommandReply[] = [];
    const openTopic = async (): Promise<CommandTopic> => {
      const topic = await openCommandTopic(cluster, { log: "counters", partitions, create, group: "commands" });
      return { ...topic, reply: (partition, told) => (replies.push(...told), topic.reply(partition, told)) };
    };
    stops.push(async () => {
      await ledger.close();
      await cluster.close();
    });
    return { ledger, cluster, replies, openTopic };
  };
  const processor = async () => {
    const { ledger, openTopic, replies } = await member(true);
    const running = commandProcessor({ aggregate: counters, identity: identity!, openTopic, ledger, store, form, logger });
    stops.push(() => running.stop());
    return { running, replies, ledger };
  };
  const acceptance = async () => {
    const { ledger, openTopic } = await member(false);
    const accepting = commandAcceptance({
      topics: new Map([["counters", openTopic]]),
      identities: new Map([["counters", identity!]]),
      ledger,
      form,
    });
    stops.push(() => accepting.close());
    return accepting;
  };
  const serves = (...running: { state(): { partitions: readonly { state: string }[] } }[]) =>
    eventually(
      "all partitions are served",
      () =>
        running.every((each) => each.state().partitions.length === partitions / running.length) &&
        running.every((each) => each.state().partitions.every(({ state }) => state === "running")),
      30_000,
    );
  const heads = async () => (await store.heads("counters")).reduce((sum, head) => sum + head, 0);
  const send = (messages: { key: string; value: string; headers?: Record<string, string>; partition?: number }[]) =>
    producer.send({
      messages: messages.map((each) => ({ topic: `${prefix}counters-commands`, partition: partitionOf(each.key, partitions), ...each })),
      acks: -1,
    });
  return { prefix, store, database, logger, admin, member, processor, acceptance, serves, heads, send };
}

test("a stranger's commands: order per stream, the plain form, malformed ones, repeats", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const { running, ledger } = await w.processor();
  await w.serves(running);
  const add = (stream: string, by: number) => ({
    key: stream,
    value: JSON.stringify({ by }),
    headers: { "ce_type": "Add", "tidemark-command-id": `${stream}-${by}` },
  });
  await w.send([
    { key: "a", value: JSON.stringify({ type: "Open", id: "open-a" }) },
    { key: "b", value: "{}", headers: { ce_type: "Open", ce_id: "1", ce_source: "shop" } },
    { key: "b", value: "{}", headers: { ce_type: "Open", ce_id: "1", ce_source: "shop" } },
    ...Array.from({ length: 200 }, (_, i) => add("a", i)),
    { key: "a", value: "not json", headers: { "ce_type": "Add", "tidemark-command-id": "bad" } },
    ...Array.from({ length: 200 }, (_, i) => add("a", i)),
    add("a", 1_000),
  ]);
  await eventually("all have outcomes", async () => (await ledger.known(["a-1000"])).size === 1, 30_000);
  await eventually("b too", async () => (await w.heads()) === 203, 30_000);
  const partition = partitionOf("a", partitions);
  const events = (await w.store.read("counters", [{ partition, position: 1 }], 1_000)).filter(({ stream }) => stream === "a");
  assert.deepEqual(
    events.slice(1).map(({ data }) => (JSON.parse(data) as { by: number }).by),
    [...Array(200).keys(), 1_000],
  );
  assert.deepEqual((await ledger.known(["bad"])).get("bad")?.kind, "parked");
  assert.deepEqual((await ledger.known(["open-a"])).get("open-a")?.kind, "decided");
});

test("an outcome that is too large for a record is told in short, and what comes after it goes on", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const { running, ledger, replies } = await w.processor();
  await w.serves(running);
  const reply = { "tidemark-reply": "true" };
  await w.send([
    {
      key: "a",
      value: "{}",
      headers: { ...reply, "ce_type": "Open", "tidemark-command-id": "large", "ce_correlationid": "x".repeat(1_048_200) },
    },
  ]);
  await w.send([{ key: "a", value: JSON.stringify({ by: 1 }), headers: { ...reply, "ce_type": "Add", "tidemark-command-id": "next" } }]);
  await eventually("the next is decided", async () => (await ledger.known(["next"])).size === 1, 30_000);
  await eventually("both are told", () => new Set(replies.map(({ commandId }) => commandId)).size === 2, 30_000);
  assert.ok(running.state().partitions.every(({ state }) => state === "running"));
});

test("two processors share the partitions; when one leaves, the other goes on where it was", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const first = await w.processor();
  await w.serves(first.running);
  const second = await w.processor();
  await w.serves(first.running, second.running);
  const streams = Array.from({ length: 20 }, (_, i) => `s-${i}`);
  const round = (type: string, n: number) =>
    streams.map((key) => ({
      key,
      value: JSON.stringify(type === "Open" ? {} : { by: n }),
      headers: { "ce_type": type, "tidemark-command-id": `${key}-${type}-${n}` },
    }));
  await w.send(round("Open", 0));
  await w.send(round("Add", 1));
  await eventually("all are decided", async () => (await w.heads()) === 40, 30_000);
  await first.running.stop();
  await w.send(round("Add", 1));
  await w.send(round("Add", 2));
  await eventually("the other decides all", async () => (await w.heads()) === 60, 30_000);
  assert.equal(
    (await w.store.heads("counters")).reduce((sum, head) => sum + head, 0),
    60,
  );
});

test("acceptance in another process: pending, woken by the reply, and the same answer for a repeat", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const first = await w.processor();
  await w.serves(first.running);
  await first.running.stop();
  const accepting = await w.acceptance();
  assert.deepEqual(await accepting.accept(counters.commands.Open("a", {}), { commandId: "open" }), {
    commandId: "open",
    status: "pending",
  });
  assert.deepEqual(await accepting.status("open"), { commandId: "open", status: "pending" });
  assert.equal(await accepting.status("unknown"), null);
  const waiting = accepting.accept(counters.commands.Add("a", { by: 1 }), { commandId: "add", waitMs: 30_000 });
  await w.processor();
  assert.deepEqual(((await waiting) as { answer?: unknown }).answer, { status: 202, body: { counterId: "a", version: 2 } });
  const [status, repeat] = [await accepting.status("open"), await accepting.accept(counters.commands.Open("a", {}), { commandId: "open" })];
  assert.equal(status?.status, "accepted");
  assert.deepEqual(repeat, status);
});

test("a topic that was made again is refused by name and nothing of it is decided", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const first = await w.processor();
  await w.serves(first.running);
  await w.send([{ key: "a", value: "{}", headers: { ce_type: "Open" } }]);
  await eventually("it is decided", async () => (await w.heads()) === 1, 30_000);
  await first.running.stop();
  const topic = `${w.prefix}counters-commands`;
  await w.admin.deleteTopics({ topics: [topic] });
  // a broker tells of a deleted topic for a while
  const { cluster } = await w.member(false);
  await eventually("Kafka has forgotten it", async () => (await cluster.refresh(topic)) === null, 30_000);
  const second = await w.processor();
  await eventually(
    "it stands still",
    () =>
      second.running.state().partitions.length === partitions &&
      second.running.state().partitions.some(({ state }) => state === "diverged"),
    30_000,
  );
  await w.send([{ key: "a", value: `{"by":1}`, headers: { ce_type: "Add" } }]);
  const still = second.running.state().partitions.filter(({ state }) => state === "diverged");
  assert.match(still[0]?.problem ?? "", /deleted and made again/);
  assert.equal(await w.heads(), 1);
});

test("a topic that is deleted under a processor is named, and is not made again by it", { timeout: 60_000 }, async (t) => {
  const w = await setUp(t);
  const { running } = await w.processor();
  await w.serves(running);
  const topic = `${w.prefix}counters-commands`;
  await w.admin.deleteTopics({ topics: [topic] });
  await eventually(
    "each partition tells of it",
    () =>
      running.state().partitions.filter(({ state, problem }) => state === "retrying" && problem === `topic ${topic} was not found.`)
        .length === partitions,
    30_000,
  );
  const { cluster } = await w.member(false);
  assert.equal(await cluster.refresh(topic), null);
  await running.stop();
  // set-up's end removes it
  await openCommandTopic(cluster, { log: "counters", partitions, create: true, group: "commands" });
});
