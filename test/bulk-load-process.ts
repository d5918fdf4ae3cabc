import { memoryTransport } from "../src/memory/index.ts";
/** A process that loads a generation in bulk from a log that every run makes alike, and says each checkpoint that it stored. To be killed. Arguments: database URL, generation. */
import { bulkLoad } from "../src/runtime/bulk-load.ts";
import { range, recordingLogger, world, type World, type Written } from "./memory-world.ts";
import { eventsOf, orderSummaries, random, randomLogs } from "./view-domain.ts";
import { openStore } from "./view-stores.ts";

export const partitions = 2;

export async function worldToLoad(): Promise<World> {
  const logs = randomLogs(random(7), { partitions, orders: 300, customers: 40, orderEvents: 6_000, customerEvents: 0 });
  const w = await world({ partitions, logs: ["orders"] });
  await w.append(eventsOf(logs).map(({ stream, type, data }): Written => [stream, type, data]));
  w.broker.ensure("orders", partitions);
  for (const partition of range(0, partitions - 1)) w.publish(partition, range(1, w.head(partition)));
  return w;
}

if (process.argv[1] === import.meta.filename) {
  const [url, generation] = process.argv.slice(2);
  const w = await worldToLoad();
  await using under = openStore(url!);
  const projection = under.store.projection(orderSummaries, Number(generation));
  const checkpoints = (await projection.checkpoints(new Map(orderSummaries.logs.map((log) => [log, partitions])))).filter(
    (c) => c.log === "orders",
  );
  const reader = await memoryTransport(w.broker).reader("orders");
  await bulkLoad({
    projection,
    log: "orders",
    reader,
    logger: recordingLogger(),
    stop: new AbortController().signal,
    checkpoints,
    targets: range(0, partitions - 1).map((p) => w.head(p)),
    onStored: ({ partition, position }) => console.log(`${partition} ${position}`),
    limits: { documents: 10, maxEventsPerFetch: 20 },
  });
  await reader.close();
}
