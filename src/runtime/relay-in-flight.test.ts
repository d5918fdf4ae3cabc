/** What a relay asks of its writer (I2). */
import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, range, streamsOf, turns, world } from "../../test/memory-world.ts";
import { memoryLogWriters } from "../memory/index.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const added = (streams: readonly string[], each: number) => turns(streams, each, "Added", { productId: "p", quantity: 1 });

test("while a send of a partition is in flight no other is asked for, whatever has been read meanwhile", async (t) => {
  const w = await world();
  const open = memoryLogWriters(w.broker);
  const inFlight = [0, 0];
  let most = 0;
  const first = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  // more than one read of the first partition
  await w.append(added([a], 20));
  const relay = w.relay({
    batch: 2,
    async openWriter(identity) {
      const writer = await open(identity);
      return {
        ...writer,
        async send(partition, events) {
          most = Math.max(most, ++inFlight[partition]!);
          if (partition === 0) first.resolve();
          try {
            if (partition === 0) await going.promise;
            await writer.send(partition, events);
          } finally {
            inFlight[partition]! -= 1;
          }
        },
      };
    },
  });
  t.after(async () => {
    going.resolve();
    await relay.stop();
  });
  await first.promise;
  for (const round of range(1, 3)) {
    await w.append(added([b], 1));
    await eventually("the other partition goes on", () => w.topicPositions(1).length === round);
  }
  assert.equal(most, 1);
  going.resolve();
  await eventually("all is relayed", () => w.topicPositions(0).at(-1) === 20);
  assert.equal(most, 1);
  assert.deepEqual(w.topicPositions(0), range(1, 20));
});
