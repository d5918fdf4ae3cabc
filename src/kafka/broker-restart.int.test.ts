import assert from "node:assert/strict";
import { once } from "node:events";
import { after, test } from "node:test";
import { privateKafka, uniqueName } from "../../test/services.ts";
import { isTidemarkError } from "../errors.ts";
import type { Assignment, Cursor, LogWriter, Transport } from "../runtime/ports.ts";
import { openCluster } from "./cluster.ts";
import { eventsAt, logId, startOf } from "./events.fixture.ts";
import { openLogWriter } from "./log-writer.ts";
import { topicOf } from "./options.ts";
import { kafkaTransport } from "./transport.ts";

const broker = await privateKafka();
const options = { brokers: broker.brokers.join(",") };
const cluster = openCluster(options);
const transport = kafkaTransport(options);
after(async () => {
  await Promise.all([cluster.close(), transport.close()]);
  await broker.stop();
});

/** As a relay does: on a failed send the tail is read again, and it goes on from there. The end is kept back until `outage`. */
async function relayAll(
  writer: LogWriter,
  partition: number,
  log: string,
  last: number,
  outage: Promise<void>,
  onFailure: () => void,
): Promise<void> {
  let failed = false;
  for (let position = 0; position < last;) {
    try {
      if (failed) position = (await writer.tails([partition]))[0]!.position;
      while (position < last) {
        const to = Math.min(position + 50, last);
        if (to === last) await outage;
        await writer.send(partition, eventsAt(position + 1, to, { log, partition }));
        position = to;
      }
    } catch (error) {
      assert.ok(isTidemarkError(error, "UNAVAILABLE"), String(error));
      failed = true;
      onFailure();
    }
  }
}

/** A member of a group whose latest assignment can be waited for. */
function memberOf(transport: Transport, group: string, log: string) {
  const changes = new EventTarget();
  let count = 0;
  const joined = transport.join(group, [log], (assignments: readonly Assignment[]) => {
    count = assignments.flatMap((assignment) => assignment.partitions).length;
    changes.dispatchEvent(new Event("change"));
  });
  return {
    joined,
    async until(condition: (count: number) => boolean): Promise<void> {
      while (!condition(count)) await once(changes, "change");
    },
  };
}

for (const how of ["stop", "kill"] as const) {
  test(`sends, fetches and membership heal by themselves after the broker's ${how}`, async (t) => {
    const log = uniqueName(t);
    const group = uniqueName(t);
    const partitions = [0, 1, 2];
    const writer = await openLogWriter(cluster, { topic: topicOf("", log), identity: { log, logId, partitions: 3 } });
    t.after(() => writer.close());
    const reader = await transport.reader(log);
    const member = memberOf(transport, group, log);
    const { leave } = await member.joined;
    await member.until((count) => count === 3);

    const last = 8_000;
    const outage = Promise.withResolvers<void>();
    const noticed = Promise.withResolvers<void>();
    const cursors = new Map<number, Cursor>(partitions.map((partition) => [partition, startOf(partition)]));
    let restarted: Promise<void> | undefined;
    const restart = async () => {
      await broker[how]();
      outage.resolve();
      await noticed.promise; // the outage falls into the sends
      await broker.start();
    };
    const readAll = async () => {
      while (partitions.some((partition) => cursors.get(partition)!.position < last)) {
        try {
          for (const batch of await reader.fetch([...cursors.values()], {
            maxEvents: 500,
            maxWaitMs: 1_000,
            signal: new AbortController().signal,
          })) {
            assert.equal(batch.events[0]!.position, cursors.get(batch.partition)!.position + 1);
            cursors.set(batch.partition, batch.next);
          }
        } catch (error) {
          assert.ok(isTidemarkError(error, "UNAVAILABLE"), String(error));
        }
        if (cursors.get(0)!.position > 500) restarted ??= restart();
      }
    };
    await Promise.all([
      readAll(),
      ...partitions.map((partition) => relayAll(writer, partition, log, last, outage.promise, noticed.resolve)),
    ]);
    await restarted;
    assert.deepEqual(await transport.ends(log), [last, last, last]);

    // the member of before is still one: it gives a share to the next, and takes it back
    const other = kafkaTransport(options);
    t.after(() => other.close());
    const second = memberOf(other, group, log);
    await second.joined;
    await member.until((count) => count < 3);
    await second.until((count) => count > 0);
    await other.close();
    await member.until((count) => count === 3);
    await leave();
  });
}
