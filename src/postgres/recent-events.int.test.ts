/** What a process need not read back of its own appends is, byte for byte, what it would read (I3). */
import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import { test } from "node:test";
import { choices } from "../../test/choices.ts";
import { engines, write, writeStore } from "../../test/write-side.ts";
import type { AppendCommand, EventStore, StoredEvent } from "../runtime/ports.ts";

const partitions = 3;
const startOf = (partition: number) => ({ partition, position: 1 });

async function assertAsRead(store: EventStore): Promise<void> {
  for (const partition of Array(partitions).keys()) {
    const { events } = await store.readToPassOn("orders", [startOf(partition)], 10_000, 1e9);
    assert.deepEqual(store.recent!("orders", { partition, position: 0, eventId: null }, 10_000), events);
    const middle: StoredEvent | undefined = events[events.length >> 1];
    if (middle === undefined) continue;
    assert.deepEqual(
      store.recent!("orders", { partition, position: middle.position, eventId: middle.id }, 10_000),
      events.slice((events.length >> 1) + 1),
    );
  }
}

for (const engine of engines) {
  test(`${engine.name}: is what would be read, whatever became of the other commands of a call`, async (t) => {
    const { database } = await engine.open(t, {});
    const store = await writeStore(t, database, { lanes: 1 });
    await store.openLogs(["orders"], partitions);
    const upTo = choices(7);
    const versions = new Map<string, number>();
    const done: AppendCommand[] = [];
    for (let call = 0; call < 40; call++) {
      const commands: AppendCommand[] = [];
      const expected = new Map(versions);
      for (let i = upTo(6); i >= 0; i--) {
        const repeated = done[upTo(20)];
        if (repeated !== undefined && !commands.includes(repeated) && upTo(10) === 0) {
          commands.push(repeated);
          continue;
        }
        const stream = `ä-${upTo(8)}`;
        const n = upTo(4);
        const version = upTo(10) === 0 ? 99 : (expected.get(stream) ?? 0);
        const command = write(stream, n, {
          partitions,
          baseVersion: Math.min(version, versions.get(stream) ?? 0),
          expectedVersion: version,
          events: Array.from({ length: n }, (_, k) => ({
            id: randomUUID(),
            type: `T${k}`,
            schemaVersion: k,
            data: `{ "a" :\n"😀\\u0041", "n": 1.50, "k": ${k} }`,
            metadata: '{"actor":  "Ünal"}',
          })),
        });
        commands.push(command);
        if (version !== 99) expected.set(stream, version + n);
      }
      const outcomes = await store.append(0, commands);
      for (const [i, outcome] of outcomes.entries()) {
        if (outcome.status === "appended") done.push(commands[i]!);
        if ("version" in outcome) versions.set(commands[i]!.stream, outcome.version);
      }
      await assertAsRead(store);
    }
    assert.ok(done.length > 40);
  });
}

test("postgres: a lost connection, of whatever use, empties it", async (t) => {
  const { database } = await engines[0]!.open(t, {});
  const store = await writeStore(t, database, { lanes: 1 });
  await store.openLogs(["orders"], partitions);
  const command = write("o", 2, { partitions });
  await store.append(0, [command]);
  const { partition } = command;
  await assertAsRead(store);
  await assert.rejects(database.query({ text: "select pg_terminate_backend(pg_backend_pid())" }));
  // of this epoch it has heard nothing; who last read in an older one reads the store
  assert.deepEqual(store.recent!("orders", { partition, position: 0, eventId: null }, 9), []);
  await store.append(0, [write("o", 1, { partitions, baseVersion: 2, expectedVersion: 2 })]);
  assert.equal(store.recent!("orders", { partition, position: 2, eventId: command.events[1]!.id }, 9), null);
});
