import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import type { StoredEvent } from "../runtime/ports.ts";
import { batchOf, eventAt, eventsAt, logId, otherLogId, startOf } from "./events.fixture.ts";
import { type PartitionReader, partitionReader } from "./partition-reader.ts";

/** A partition in memory: what a broker would answer. */
function partitionOf(batches: readonly (readonly StoredEvent[])[]) {
  let end = 0;
  const laid = batches.map((events) => {
    const batch = { offset: end, end: end + events.length, bytes: batchOf(events, end) };
    end += events.length;
    return batch;
  });
  return {
    end,
    /** Asks as the reader wants, `batchesPerFetch` at a time, until it has events or a fault or is at the end. */
    serve(reader: PartitionReader, batchesPerFetch = 1): void {
      for (;;) {
        const { wants } = reader;
        if (wants === null) return;
        if (wants === "start") reader.startAt(0);
        else if (wants > end) reader.restart();
        else {
          const from = laid.filter((batch) => batch.end > wants).slice(0, batchesPerFetch);
          if (from.length === 0) {
            reader.feed(Buffer.alloc(0), []);
            if (reader.wants === wants) return;
          } else reader.feed(Buffer.concat(from.map((batch) => batch.bytes)), []);
        }
      }
    },
  };
}

const fresh = () => partitionReader("orders", 0, { known: null });

function positionsRead(reader: PartitionReader, partition: ReturnType<typeof partitionOf>, max = 1_000): number[] {
  const positions: number[] = [];
  for (;;) {
    partition.serve(reader);
    reader.check();
    const batch = reader.take(max);
    if (batch === null) return positions;
    assert.ok(batch.events.length > 0 && batch.events.length <= max);
    assert.equal(batch.next.position, batch.events.at(-1)!.position);
    positions.push(...batch.events.map((event) => event.position));
  }
}

test("positions come dense and once, however often and from where requests were sent again", () => {
  // what a relay and its zombies may write: each request begins at or before the next position
  const request = fc.record({ back: fc.nat(12), length: fc.integer({ min: 1, max: 9 }) });
  fc.assert(
    fc.property(fc.array(request, { minLength: 1, maxLength: 25 }), fc.integer({ min: 1, max: 7 }), (requests, max) => {
      let tail = 0;
      const batches = requests.map(({ back, length }) => {
        const from = Math.max(1, tail + 1 - back);
        tail = Math.max(tail, from + length - 1);
        return eventsAt(from, from + length - 1);
      });
      const reader = fresh();
      reader.seek(startOf(0));
      assert.deepEqual(
        positionsRead(reader, partitionOf(batches), max),
        eventsAt(1, tail).map((e) => e.position),
      );
    }),
    { numRuns: 200 },
  );
});

test("a cursor taken at any batch goes on by its hint in another reader", () => {
  const partition = partitionOf([eventsAt(1, 5), eventsAt(3, 6), eventsAt(7, 9)]);
  const first = fresh();
  first.seek(startOf(0));
  for (let read = 0; read < 9;) {
    partition.serve(first);
    const batch = first.take(2);
    assert.ok(batch !== null);
    read = batch.next.position;
    const second = fresh();
    second.seek(batch.next);
    assert.deepEqual(
      positionsRead(second, partition),
      eventsAt(read + 1, 9).map((e) => e.position),
    );
  }
});

test("any hint at all, wrong or out of range, gives the same events", () => {
  const partition = partitionOf([eventsAt(1, 40), eventsAt(20, 45), eventsAt(46, 60)]);
  fc.assert(
    fc.property(fc.nat(60), fc.oneof(fc.nat(200), fc.constantFrom(0, 40, 66, 80, 81, 82)), (position, hint) => {
      const reader = fresh();
      reader.seek({ partition: 0, position, eventId: position === 0 ? null : eventAt(position).id, logId, hint: String(hint) });
      assert.deepEqual(positionsRead(reader, partition), position === 60 ? [] : eventsAt(position + 1, 60).map((e) => e.position));
    }),
    { numRuns: 200 },
  );
});

test("a gap stops the reader after what comes before it, again and again, and not by a hint alone", () => {
  const partition = partitionOf([eventsAt(1, 3), eventsAt(5, 6)]);
  const reader = fresh();
  reader.seek(startOf(0));
  partition.serve(reader);
  const batch = reader.take(10);
  assert.deepEqual(
    batch?.events.map((e) => e.position),
    [1, 2, 3],
  );
  const gap = (error: unknown) => isTidemarkError(error, "LOG_GAP") && error.details.expected === 4 && error.details.found === 5;
  for (const seeker of [reader, fresh()]) {
    seeker.seek({ ...batch.next, hint: seeker === reader ? batch.next.hint : "4" });
    partition.serve(seeker);
    assert.throws(() => seeker.check(), gap);
    partition.serve(seeker);
    assert.throws(() => seeker.check(), gap);
  }
});

test("another event at the last position, another log id and a foreign record are LOG_DIVERGED with the partition", () => {
  const diverged = (error: unknown) => isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === 0;
  const other = fresh();
  other.seek({ partition: 0, position: 2, eventId: "another", logId, hint: null });
  partitionOf([eventsAt(1, 3)]).serve(other);
  assert.throws(() => other.check(), diverged);

  const history = fresh();
  history.seek({ partition: 0, position: 0, eventId: null, logId: otherLogId, hint: null });
  partitionOf([eventsAt(1, 3)]).serve(history);
  assert.throws(() => history.check(), diverged);

  const mixed = fresh();
  mixed.seek(startOf(0));
  mixed.startAt(0);
  mixed.feed(Buffer.concat([batchOf(eventsAt(1, 2), 0), batchOf(eventsAt(3, 4), 2, "orders", otherLogId)]), []);
  assert.equal(mixed.take(10)?.next.position, 2);
  mixed.feed(batchOf(eventsAt(3, 4), 2, "orders", otherLogId), []);
  assert.throws(() => mixed.check(), diverged);
});

test("the rest of what was fetched is kept only for a cursor that continues there", () => {
  const partition = partitionOf([eventsAt(1, 10)]);
  const reader = fresh();
  reader.seek(startOf(0));
  partition.serve(reader);
  const first = reader.take(4);
  reader.seek(first!.next);
  assert.equal(reader.wants, null);
  reader.seek({ ...first!.next, position: 2, eventId: eventAt(2).id, hint: "2" });
  assert.equal(reader.wants, 1);
  partition.serve(reader);
  assert.deepEqual(
    reader.take(3)?.events.map((e) => e.position),
    [3, 4, 5],
  );
});
