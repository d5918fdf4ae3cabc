import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test, type TestContext } from "node:test";
import { kafka, uniqueName } from "../../test/services.ts";
import { isTidemarkError } from "../errors.ts";
import type { Assignment, Transport } from "../runtime/ports.ts";
import { openCluster } from "./cluster.ts";
import { eventsAt, logId } from "./events.fixture.ts";
import { openLogWriter } from "./log-writer.ts";
import { topicOf } from "./options.ts";
import { kafkaTransport } from "./transport.ts";

const { brokers } = await kafka();
const prefix = "shop_";
const options = { brokers: brokers.join(","), prefix };
const cluster = openCluster(options);
after(() => cluster.close());

function transportOf(t: TestContext): Transport {
  const transport = kafkaTransport(options);
  t.after(() => transport.close());
  return transport;
}

async function logOf(t: TestContext, partitions: number) {
  const log = uniqueName(t);
  const writer = await openLogWriter(cluster, { topic: topicOf(prefix, log), identity: { log, logId, partitions } });
  t.after(() => writer.close());
  return { log, writer };
}

const never = new AbortController().signal;

test("identify waits until the topic is made, and stops waiting when it is told", async (t) => {
  const transport = transportOf(t);
  const log = uniqueName(t);
  const found = transport.identify(log, never);
  const writer = await openLogWriter(cluster, { topic: topicOf(prefix, log), identity: { log, logId, partitions: 5 } });
  t.after(() => writer.close());
  assert.deepEqual(await found, { partitions: 5, logId: null });

  const abort = new AbortController();
  const waiting = assert.rejects(transport.identify(uniqueName(), abort.signal), (error) => isTidemarkError(error, "CLOSED"));
  abort.abort();
  await waiting;
});

test("ends are the last positions, and follow what is written", async (t) => {
  const transport = transportOf(t);
  const { log, writer } = await logOf(t, 3);
  assert.deepEqual(await transport.ends(log), [0, 0, 0]);
  await writer.send(1, eventsAt(1, 1_700, { log, partition: 1 }));
  await writer.send(2, eventsAt(1, 3, { log, partition: 2 }));
  assert.deepEqual(await transport.ends(log), [0, 1_700, 3]);
  assert.deepEqual(await transport.ends(log), [0, 1_700, 3]);
  await writer.send(2, eventsAt(4, 4, { log, partition: 2 }));
  await writer.tails([1]);
  await writer.send(1, eventsAt(1, 900, { log, partition: 1 }));
  assert.deepEqual(await transport.ends(log), [0, 1_700, 4]);
});

/** A member whose latest assignment can be waited for. */
function member(transport: Transport, group: string, logs: readonly string[]) {
  const changes = new EventTarget();
  let owned: readonly Assignment[] = [];
  const joined = transport.join(group, logs, (assignments) => {
    owned = assignments;
    changes.dispatchEvent(new Event("change"));
  });
  const partitions = () => owned.flatMap((assignment) => assignment.partitions.map((partition) => `${assignment.log}/${partition}`)).sort();
  return {
    joined,
    partitions,
    async until(condition: () => boolean): Promise<void> {
      while (!condition()) await once(changes, "change");
    },
  };
}

test("two members share the partitions of two logs, and one takes over when the other leaves", async (t) => {
  const { log: a } = await logOf(t, 4);
  const { log: b } = await logOf(t, 2);
  const all = [...[0, 1, 2, 3].map((p) => `${a}/${p}`), ...[0, 1].map((p) => `${b}/${p}`)].sort();
  const group = uniqueName(t);
  const first = member(transportOf(t), group, [a, b]);
  await first.joined;
  assert.deepEqual(first.partitions(), all);

  const leaver = transportOf(t);
  const second = member(leaver, group, [a, b]);
  const { leave } = await second.joined;
  await first.until(() => first.partitions().length < 6);
  assert.ok(second.partitions().length > 0);
  assert.deepEqual([...first.partitions(), ...second.partitions()].sort(), all);

  await leave();
  await first.until(() => first.partitions().length === 6);
  assert.deepEqual(first.partitions(), all);
});

test("closing leaves the group and ends everything within about a second", async (t) => {
  const { log } = await logOf(t, 2);
  const group = uniqueName(t);
  const closing = transportOf(t);
  const reader = await closing.reader(log);
  await member(closing, group, [log]).joined;
  const fetching = assert.rejects(
    reader.fetch([{ partition: 0, position: 0, eventId: null, logId: null, hint: null }], {
      maxEvents: 10,
      maxWaitMs: 60_000,
      signal: never,
    }),
    (error) => isTidemarkError(error, "CLOSED"),
  );
  const begun = performance.now();
  await closing.close();
  await fetching;
  assert.ok(performance.now() - begun < 2_000);
  const next = member(transportOf(t), group, [log]);
  await next.joined;
  assert.equal(next.partitions().length, 2);
});

test("where no broker answers, identify and fetch are UNAVAILABLE", async (t) => {
  const transport = kafkaTransport({ brokers: "127.0.0.1:1" });
  t.after(() => transport.close());
  const reader = await transport.reader("orders");
  await assert.rejects(
    reader.fetch([{ partition: 0, position: 0, eventId: null, logId: null, hint: null }], { maxEvents: 10, maxWaitMs: 300, signal: never }),
    (error) => isTidemarkError(error, "UNAVAILABLE"),
  );
  await assert.rejects(transport.identify("orders", never), (error) => isTidemarkError(error, "UNAVAILABLE"));
});
