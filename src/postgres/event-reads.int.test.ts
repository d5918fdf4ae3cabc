import assert from "node:assert/strict";
import { randomBytes, randomUUID } from "node:crypto";
import { test } from "node:test";
import { engines, write, writeStore } from "../../test/write-side.ts";
import type { AppendCommand } from "../runtime/ports.ts";

const from = [0, 1, 2].map((partition) => ({ partition, position: 1 }));

for (const engine of engines) {
  test(`${engine.name}: what is passed on is what is read, for any text`, async (t) => {
    const { database } = await engine.open(t, {});
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], 3);
    const texts = ["s-1", "ä€😀", "x\x1f{}\x1f{}\x1e9\x1f1", "\x1e", "😀\x1f😀"];
    const commands = texts.map((stream) =>
      write(stream, 2, {
        partitions: 3,
        events: [stream, `${stream}${stream}`].map((type) => ({
          id: randomUUID(),
          type,
          schemaVersion: 7,
          data: `{ "a" :\n${JSON.stringify(stream)}}`,
          metadata: '{"actor": "Ünal"}',
        })),
        id: `${stream}${randomUUID()}`,
      }),
    );
    await store.append(0, commands);
    const read = await store.read("orders", from, 100);
    assert.equal(read.length, 2 * texts.length);
    assert.deepEqual(await store.readToPassOn("orders", from, 100, 1e6), { events: read, more: false });
    assert.deepEqual(
      await store.readToPassOn("orders", from, 2, 1e6),
      { events: await store.read("orders", from, 2), more: true },
      "in the same order, cut at the same places",
    );
    assert.deepEqual(await store.readToPassOn("orders", [{ partition: 0, position: 1_000 }], 9, 1e6), { events: [], more: false });
  });

  test(`${engine.name}: a read is bounded by bytes, and brings the next event in any case`, async (t) => {
    const { database } = await engine.open(t, {});
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], 3);
    // does not compress
    const large = (bytes: number) => JSON.stringify(randomBytes(bytes / 2).toString("hex"));
    const streams = ["a", "b", "c", "d"];
    const appended = (bytes: number): AppendCommand[] =>
      streams.map((stream) =>
        write(`${stream}${bytes}`, 10, {
          partitions: 3,
          events: Array.from({ length: 10 }, () => ({ id: randomUUID(), type: "T", schemaVersion: 1, data: large(bytes), metadata: "{}" })),
        }),
      );
    await store.append(0, appended(400));
    await store.append(0, appended(40_000));
    for (const passedOn of [true, false]) {
      for (const maxBytes of [60_000, 600_000]) {
        const last = [0, 0, 0];
        const heads = await store.heads("orders");
        for (let reads = 0; last.some((position, partition) => position < heads[partition]!); reads++) {
          assert.ok(reads < 1_000, "each read goes on");
          const starts = last.map((position, partition) => ({ partition, position: Math.max(position, 1) }));
          const { events, more } = passedOn
            ? await store.readToPassOn("orders", starts, 1_001, maxBytes)
            : { events: await store.read("orders", starts, 1_001, maxBytes), more: null };
          const bytes = events.reduce((sum, event) => sum + event.data.length, 0);
          assert.ok(bytes <= Math.max(maxBytes, 6 * 40_002), `${bytes} bytes of ${maxBytes}`);
          for (const partition of [0, 1, 2]) {
            const positions = events.filter((event) => event.partition === partition).map((event) => event.position);
            const begin = Math.max(last[partition]!, 1);
            assert.deepEqual(
              positions,
              positions.map((_, i) => begin + i),
              "dense, in order",
            );
            last[partition] = Math.max(last[partition]!, positions.at(-1) ?? 0);
          }
          if (more !== null)
            assert.equal(
              more,
              last.some((position, partition) => position < heads[partition]!),
              "it says whether it was cut",
            );
        }
        assert.deepEqual(last, heads);
      }
    }
  });
}
