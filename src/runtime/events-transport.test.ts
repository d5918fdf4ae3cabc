import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually, range, streamsOf, turns, world, type World } from "../../test/memory-world.ts";
import { isTidemarkError } from "../errors.ts";
import { faults, memoryEventStore, type Faults } from "../memory/index.ts";
import { eventsTransport } from "./events-transport.ts";
import type { Assignment, Cursor, Transport } from "./ports.ts";

const [[a], [b]] = streamsOf(2) as [[string], [string]];
const added = (streams: readonly string[], each: number) => turns(streams, each, "Added", { productId: "p", quantity: 1 });
const start = (partition: number): Cursor => ({ partition, position: 0, eventId: null, logId: null, hint: null });
const options = { maxEvents: 100, maxWaitMs: 60_000, signal: new AbortController().signal };

const tailing = (w: World, hooks?: Faults): Promise<Transport> =>
  eventsTransport(memoryEventStore(w.write, hooks === undefined ? {} : { faults: hooks }), new Map([["orders", w.identity]]));

test("reads each partition densely, in steps, and says the log's id", async () => {
  const w = await world();
  await w.append(added([a, b], 5));
  const transport = await tailing(w);
  assert.deepEqual(await transport.identify("orders", options.signal), w.identity);
  assert.deepEqual(await transport.ends("orders"), [5, 5]);
  const reader = await transport.reader("orders");
  const first = await reader.fetch([start(0), start(1)], { ...options, maxEvents: 3 });
  assert.deepEqual(
    first.map((batch) => batch.events.map((event) => event.position)),
    [
      [1, 2, 3],
      [1, 2, 3],
    ],
  );
  assert.deepEqual(first[0]!.next, { partition: 0, position: 3, eventId: first[0]!.events[2]!.id, logId: w.identity.logId, hint: null });
  const second = await reader.fetch(
    first.map((batch) => batch.next),
    { ...options, maxEvents: 3 },
  );
  assert.deepEqual(
    second.map((batch) => batch.events.map((event) => event.position)),
    [
      [4, 5],
      [4, 5],
    ],
  );
  await transport.close();
});

test("gives what Kafka's transport gives, from the other's cursor too (I8)", async () => {
  const w = await world();
  await w.append(added([a], 6));
  w.publish(0, range(1, 6));
  const kafka = await w.transport().reader("orders");
  const events = await (await tailing(w)).reader("orders");
  const fromKafka = await kafka.fetch([start(0)], { ...options, maxEvents: 3 });
  const fromEvents = await events.fetch([start(0)], { ...options, maxEvents: 3 });
  assert.deepEqual(fromEvents[0]!.events, fromKafka[0]!.events);
  const onEvents = await events.fetch([fromKafka[0]!.next], options);
  const onKafka = await kafka.fetch([fromEvents[0]!.next], options);
  assert.deepEqual(
    onEvents[0]!.events.map((event) => event.position),
    [4, 5, 6],
  );
  assert.deepEqual(onKafka[0]!.events, onEvents[0]!.events);
});

test("waits for the next announcement; ends early when aborted, closed or over", async () => {
  const w = await world();
  const transport = await tailing(w);
  const reader = await transport.reader("orders");
  const waiting = reader.fetch([start(0)], options);
  await w.append(added([a], 1));
  assert.deepEqual(
    (await waiting)[0]!.events.map((event) => event.position),
    [1],
  );
  assert.deepEqual(await reader.fetch([start(1)], { ...options, maxWaitMs: 5 }), []);
  const stop = new AbortController();
  const aborted = reader.fetch([start(1)], { ...options, signal: stop.signal });
  stop.abort();
  assert.deepEqual(await aborted, []);
  const closed = reader.fetch([start(1)], options);
  await reader.close();
  assert.deepEqual(await closed, []);
});

test("an announcement during a read is not lost", async () => {
  const w = await world();
  const hooks = faults();
  const answered = Promise.withResolvers<void>();
  const going = Promise.withResolvers<void>();
  const remove = hooks.after("read", () => {
    remove();
    answered.resolve();
    return going.promise;
  });
  const reader = await (await tailing(w, hooks)).reader("orders");
  const waiting = reader.fetch([start(0)], options);
  await answered.promise;
  await w.append(added([a], 1));
  going.resolve();
  assert.equal((await waiting)[0]!.events.length, 1);
});

test("an announcement of everything (a reconnect) wakes too", async () => {
  const w = await world();
  const reader = await (await tailing(w)).reader("orders");
  w.store.faults.lose("appended");
  const waiting = reader.fetch([start(0)], options);
  await w.append(added([a], 1));
  w.write.reconnect();
  assert.equal((await waiting)[0]!.events.length, 1);
});

test("reads inclusive: the event at the cursor must be the very one that was read", async () => {
  const w = await world();
  await w.append(added([a, b], 4));
  const reader = await (await tailing(w)).reader("orders");
  const [batch] = await reader.fetch([start(0)], options);
  const cursor = batch!.next;
  const refused = (problem: RegExp) => (error: unknown) =>
    isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === 0 && problem.test(error.message);
  w.write.putBack("orders", 0, 3);
  await assert.rejects(reader.fetch([cursor, start(1)], options), refused(/has no event at position 4/));
  await w.append(added([a], 2));
  await assert.rejects(reader.fetch([cursor], options), refused(/holds event .* at position 4/));
  await assert.rejects(
    reader.fetch([{ ...start(0), logId: "00000000-0000-4000-8000-00000000ffff" }], options),
    (error: unknown) => isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === undefined,
  );
});

test("a log that is not one of this service is named", async () => {
  const transport = await tailing(await world());
  await assert.rejects(
    transport.reader("invoices"),
    (error: unknown) => isTidemarkError(error, "NOT_FOUND") && error.message.includes("invoices"),
  );
});

test("one process owns the tail; another one takes over when it leaves or loses it", async () => {
  const w = await world();
  const said: [string, readonly Assignment[]][] = [];
  const member = async (name: string) => (await tailing(w)).join("group", ["orders"], (assignments) => said.push([name, assignments]));
  const all = [{ log: "orders", partitions: [0, 1] }];
  const first = await member("first");
  await eventually("the first has it", () => said.length === 1);
  const second = await member("second");
  w.write.ownership.lose("tail group");
  await eventually("the second has it", () => said.length === 3);
  assert.deepEqual(said[0], ["first", all]);
  assert.deepEqual(
    said.slice(1).toSorted(([x], [y]) => x.localeCompare(y)),
    [
      ["first", []],
      ["second", all],
    ],
  );
  await second.leave();
  await eventually("the first has it again", () => said.length === 5);
  assert.deepEqual(
    said.slice(3).toSorted(([x], [y]) => x.localeCompare(y)),
    [
      ["first", all],
      ["second", []],
    ],
  );
  await first.leave();
});

test("a store that cannot say who owns the tail is asked again, and nobody is left without an answer", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const w = await world();
  const store = memoryEventStore(w.write);
  let asked = 0;
  const refusing: typeof store = {
    ...store,
    withOwnership: (...turn) => {
      asked += 1;
      return asked === 1 ? Promise.reject(new Error("canceling statement due to statement timeout")) : store.withOwnership(...turn);
    },
  };
  const said: (readonly Assignment[])[] = [];
  const transport = await eventsTransport(refusing, new Map([["orders", w.identity]]));
  const member = await transport.join("group", ["orders"], (assignments) => said.push(assignments));
  await turnOfTheLoop();
  assert.equal(asked, 1);
  t.mock.timers.tick(1_000);
  await turnOfTheLoop();
  assert.deepEqual(said, [[{ log: "orders", partitions: [0, 1] }]]);
  await member.leave();
});

const turnOfTheLoop = () => new Promise<void>((resolve) => setImmediate(resolve));
