import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Admin, Producer } from "@platformatic/kafka";
import { kafka, uniqueName } from "../../test/services.ts";
import { openCluster } from "./cluster.ts";
import { recordsIn } from "./events.fixture.ts";
import { fetchFrom } from "./wire-fetch.ts";

const { brokers } = await kafka();
const cluster = openCluster({ brokers: brokers.join(",") });
const admin = new Admin({ clientId: "test", bootstrapBrokers: [...brokers] });
after(async () => {
  await cluster.close();
  await admin.close();
});

for (const compression of ["none", "gzip", "snappy", "lz4", "zstd"] as const) {
  test(`what the library's producer wrote (${compression}) is decoded, from any offset`, async (t) => {
    const topic = uniqueName(t);
    await admin.createTopics({ topics: [topic], partitions: 1, replicas: 1 });
    const producer = new Producer({ clientId: "test", bootstrapBrokers: [...brokers], retries: 5, retryDelay: 100 });
    t.after(() => producer.close());
    const written = Array.from({ length: 300 }, (_, i) => ({ key: `k${i}`, value: `värde ${"x".repeat(i)}`, header: "é".repeat(i % 90) }));
    for (let from = 0; from < written.length; from += 100) {
      const messages = written.slice(from, from + 100).map(({ key, value, header }, i) => ({
        topic,
        partition: 0,
        timestamp: BigInt(1_000_000_000_000 + i * 5_000_000_000), // deltas beyond 32 bits
        key: Buffer.from(key),
        value: Buffer.from(value),
        headers: new Map([[Buffer.from("h"), Buffer.from(header)]]),
      }));
      await producer.send({ acks: -1, messages, ...(compression === "none" ? {} : { compression }) });
    }
    const from = 142;
    const [fetched] = await cluster.leaders(topic, [0], (connection, _, { topicId }) =>
      fetchFrom(connection, topicId, [{ partition: 0, offset: from }], { maxWaitMs: 100, partitionBytes: 1 << 20, totalBytes: 1 << 20 }),
    );
    const { bytes, aborted } = fetched![0]!;
    const { records, nextOffset } = recordsIn(bytes, from, aborted);
    const read = records.map(({ key, value, headers }) => ({ key, value, header: headers[0]![1] }));
    assert.deepEqual(read, written.slice(from));
    assert.equal(nextOffset, 300);
    assert.equal(records[0]!.offset, from);
  });
}
