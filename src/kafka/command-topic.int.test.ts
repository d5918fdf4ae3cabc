/** Topics of commands on a real broker: transactions of others, retention, settings that lose commands. */
import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { Admin, Producer } from "@platformatic/kafka";
import { kafka, uniqueName } from "../../test/services.ts";
import { openCluster } from "./cluster.ts";
import { openCommandTopic } from "./command-topic.ts";

const { brokers } = await kafka();
const incremental = { set: 0 } as const;
const topicResource = 2;

async function setUp(t: TestContext) {
  const prefix = `${uniqueName(t)}-`;
  const cluster = openCluster({ brokers: brokers.join(","), prefix });
  const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
  const names = { commands: `${prefix}orders-commands`, replies: `${prefix}orders-replies` };
  t.after(async () => {
    await cluster.close();
    await admin.deleteTopics({ topics: Object.values(names) });
    await admin.close();
  });
  const open = async (create = true) => {
    const topic = await openCommandTopic(cluster, { log: "orders", partitions: 1, create, group: "commands" });
    t.after(() => topic.close());
    return topic;
  };
  const configure = (topic: string, name: string, value: string) =>
    admin.incrementalAlterConfigs({
      resources: [{ resourceType: topicResource, resourceName: topic, configs: [{ name, configOperation: incremental.set, value }] }],
      validateOnly: false,
    });
  /** A stranger's, with one record in it. */
  const transaction = async (id: string) => {
    const producer = new Producer({
      clientId: "stranger",
      bootstrapBrokers: [...brokers],
      idempotent: true,
      transactionalId: `${prefix}${id}`,
      retries: 3,
    });
    t.after(() => producer.close());
    const begun = await producer.beginTransaction({ producerId: -1n, producerEpoch: -1 });
    await begun.send({
      messages: [
        {
          topic: names.commands,
          partition: 0,
          key: Buffer.from(id),
          value: Buffer.from("{}"),
          headers: new Map([[Buffer.from("tidemark-command-id"), Buffer.from(id)]]),
        },
      ],
    });
    return begun;
  };
  const record = (id: string) => ({ id, key: id, value: "{}", headers: [["tidemark-command-id", id] as const] });
  return { admin, names, open, configure, transaction, record };
}

test("what was accepted waits from then on, whoever has a transaction open before it", async (t) => {
  const { open, transaction, record } = await setUp(t);
  const topic = await open();
  assert.equal(await topic.send(0, record("before")), 0);
  const theirs = await transaction("theirs");
  const first = await topic.send(0, record("first"));
  assert.equal(await topic.waits("first", [0]), true);
  const second = await topic.send(0, record("second"));
  assert.equal(await topic.waits("second", [0]), true);
  assert.equal(await topic.waits("before", [0]), true);
  assert.equal(await topic.waits("before", [1]), false);
  await theirs.abort();
  assert.equal(await topic.waits("first", [0]), true);
  assert.equal(await topic.waits("first", [first + 1]), false);
  assert.equal(await topic.waits("second", [second]), true);
  assert.equal(await topic.waits("theirs", [0]), false);
});

test("a reading goes over markers and what was taken back, and says how far", async (t) => {
  const { admin, names, open, transaction, record } = await setUp(t);
  const topic = await open();
  const signal = AbortSignal.timeout(20_000);
  const keys: string[] = [];
  let offset = 0;
  const readTo = async (end: number): Promise<void> => {
    while (offset < end) {
      const { records, next } = await topic.next(0, offset, signal);
      assert.ok(next > offset);
      keys.push(...records.map(({ key }) => Buffer.from(key!).toString()));
      offset = next;
    }
  };
  await (await transaction("kept")).commit();
  await readTo(2);
  await (await transaction("taken-back")).abort();
  await readTo(4);
  assert.deepEqual([keys, offset], [["kept"], 4]);
  // as retention does it
  await admin.deleteRecords({ topics: [{ name: names.commands, partitions: [{ partition: 0, offset: 4n }] }] });
  assert.deepEqual(await topic.bounds(), [{ start: 4, end: 4 }]);
  assert.equal(await topic.send(0, record("next")), 4);
  assert.deepEqual((await topic.next(0, offset, signal)).next, 5);
});

test("settings that keep less than commands need are told, for both topics", async (t) => {
  const { names, open, configure } = await setUp(t);
  assert.deepEqual((await open()).weaknesses, []);
  await configure(names.commands, "retention.ms", "3600000");
  await configure(names.replies, "retention.bytes", "1000000");
  const { weaknesses } = await open(false);
  assert.equal(weaknesses.length, 2);
  assert.match(weaknesses[0]!, /orders-commands: retention\.ms is 3600000, should be -1/);
  assert.match(weaknesses[1]!, /orders-replies: retention\.bytes is 1000000, should be -1/);
});

for (const policy of ["compact", "compact,delete"])
  test(`a topic with cleanup.policy=${policy} is refused: it would lose undecided commands`, async (t) => {
    const { names, open, configure } = await setUp(t);
    await open();
    await configure(names.commands, "cleanup.policy", policy);
    for (const create of [true, false]) await assert.rejects(open(create), { code: "INVALID_SETTING", message: /cleanup\.policy/ });
  });
