import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, recordingLogger, world } from "../../test/memory-world.ts";
import { orderSummaries, orderTotals } from "../../test/view-domain.ts";
import { faults, memoryViewStore } from "../memory/index.ts";
import { endsRecorder } from "./ends-recorder.ts";

test("writes down where the logs of its views end, each log once, and goes on after an outage", async () => {
  const w = await world({ partitions: 1, logs: ["orders", "customers"] });
  await w.append([["o", "Created", { customerId: null }]], "orders");
  await w.append([["c", "Registered", { name: "n", email: "e" }]], "customers");
  w.publish(0, [1], "orders");
  w.publish(0, [1], "customers");
  const hooks = faults();
  let records = 0;
  hooks.before("recordEnds", () => void (records += 1));
  hooks.fail("recordEnds");
  const logger = recordingLogger();
  const recorder = endsRecorder({
    transport: w.transport(),
    store: memoryViewStore(w.read, { faults: hooks }),
    views: [orderSummaries, orderTotals],
    logger,
  });
  await eventually("recorded", () => logger.has("are recorded again"));
  await recorder.stop();
  assert.ok(logger.has("queries will say stale"));
  assert.deepEqual(
    [...w.read.ends.values()].map(({ log, position }) => [log, position]).toSorted(([a], [b]) => (String(a) < String(b) ? -1 : 1)),
    [
      ["customers", 1],
      ["orders", 1],
    ],
  );
  const before = records;
  await new Promise((resolve) => setImmediate(resolve));
  assert.equal(records, before);
});
