import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import type { Batch, StoredEvent } from "../runtime/ports.ts";
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
    /** Asks as the reader wants, `batchesPerFetch` at a time, until it wants no more or is at the end; false where it is and was. */
    serve(reader: PartitionReader, batchesPerFetch = 1): boolean {
      for (let moved = false; ; moved = true) {
        const { wants } = reader;
        if (wants === null) return true;
        if (wants === "start") reader.startAt(0);
        else if (wants > end) reader.restart();
        else {
          const from = laid.filter((batch) => batch.end > wants).slice(0, batchesPerFetch);
          if (from.length === 0) {
            reader.feed(Buffer.alloc(0), []);
            if (reader.wants === wants) return moved;
          } else reader.feed(Buffer.concat(from.map((batch) => batch.bytes)), []);
        }
      }
    },
  };
}

const fresh = () => partitionReader("orders", 0, { known: null });

/** null at the end. @throws what the reader tells */
function nextBatch(reader: PartitionReader, partition: ReturnType<typeof partitionOf>, max = 1_000): Batch | null {
  for (;;) {
    const moved = partition.serve(reader);
    const batch = reader.take(max);
    if (batch !== null) return batch;
    reader.check();
    if (!moved && reader.wants !== "start") return null;
  }
}

function positionsRead(reader: PartitionReader, partition: ReturnType<typeof partitionOf>, max = 1_000): number[] {
  const positions: number[] = [];
  for (;;) {
    const batch = nextBatch(reader, partition, max);
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
  const batch = nextBatch(reader, partition, 10);
  assert.ok(batch !== null);
  assert.deepEqual(
    batch.events.map((e) => e.position),
    [1, 2, 3],
  );
  const gap = (error: unknown) => isTidemarkError(error, "LOG_GAP") && error.details.expected === 4 && error.details.found === 5;
  for (const seeker of [reader, fresh()]) {
    seeker.seek({ ...batch.next, hint: seeker === reader ? batch.next.hint : "4" });
    assert.throws(() => nextBatch(seeker, partition), gap);
    assert.throws(() => nextBatch(seeker, partition), gap);
  }
});

test("another event at the last position, another log id and a foreign record are LOG_DIVERGED with the partition", () => {
  const diverged = (error: unknown) => isTidemarkError(error, "LOG_DIVERGED") && error.details.partition === 0;
  const other = fresh();
  other.seek({ partition: 0, position: 2, eventId: "another", logId, hint: null });
  assert.throws(() => nextBatch(other, partitionOf([eventsAt(1, 3)])), diverged);

  const history = fresh();
  history.seek({ partition: 0, position: 0, eventId: null, logId: otherLogId, hint: null });
  assert.throws(() => nextBatch(history, partitionOf([eventsAt(1, 3)])), diverged);

  const mixed = fresh();
  mixed.seek(startOf(0));
  mixed.startAt(0);
  mixed.feed(Buffer.concat([batchOf(eventsAt(1, 2), 0), batchOf(eventsAt(3, 4), 2, "orders", otherLogId)]), []);
  assert.equal(mixed.take(10)?.next.position, 2);
  assert.equal(mixed.take(10), null);
  assert.throws(() => mixed.check(), diverged);
  assert.equal(mixed.wants, 2);
});

test("the rest of what was fetched is kept only for a cursor that continues there", () => {
  const partition = partitionOf([eventsAt(1, 10)]);
  const reader = fresh();
  reader.seek(startOf(0));
  partition.serve(reader);
  const first = reader.take(4);
  reader.seek(first!.next);
  assert.equal(reader.wants, 10);
  assert.ok(reader.bytesAtHand > 0);
  reader.seek({ ...first!.next, position: 2, eventId: eventAt(2).id, hint: "2" });
  assert.equal(reader.wants, 1);
  assert.equal(reader.bytesAtHand, 0);
  partition.serve(reader);
  assert.deepEqual(
    reader.take(3)?.events.map((e) => e.position),
    [3, 4, 5],
  );
});

test("what is fetched ahead is bounded, kept for whoever goes on there, and dropped by a seek elsewhere", () => {
  const partition = partitionOf([eventsAt(1, 3), eventsAt(4, 6), eventsAt(7, 9)]);
  const reader = fresh();
  reader.seek(startOf(0));
  partition.serve(reader);
  assert.equal(reader.wants, null);
  const first = reader.take(2);
  reader.seek(first!.next);
  assert.equal(reader.wants, null, "the first answer is not given out yet");
  assert.equal(reader.take(2)?.next.position, 4, "a batch goes across answers");
  assert.equal(reader.wants, 6);
  reader.seek(startOf(0));
  assert.equal(reader.bytesAtHand, 0);
  assert.deepEqual(
    positionsRead(reader, partition),
    eventsAt(1, 9).map((e) => e.position),
  );
});

test("a fault in the answer ahead is told at its turn, after all that comes before it", () => {
  const reader = fresh();
  reader.seek(startOf(0));
  reader.startAt(0);
  reader.feed(batchOf(eventsAt(1, 3), 0), []);
  reader.feed(batchOf(eventsAt(5, 6), 3), []);
  reader.check();
  const before = [reader.take(2), reader.take(2)];
  assert.deepEqual(
    before.flatMap((batch) => batch!.events.map((e) => e.position)),
    [1, 2, 3],
  );
  reader.check();
  assert.equal(reader.take(2), null);
  assert.throws(
    () => reader.check(),
    (error) => isTidemarkError(error, "LOG_GAP") && error.details.found === 5,
  );
  assert.equal(reader.wants, 3, "it looks at the log again");
});

test("damaged bytes are told once what comes before them was given, and fetched again from there", () => {
  for (const damage of [70, 90]) {
    const good = batchOf(eventsAt(1, 2), 0);
    const bad = batchOf(eventsAt(3, 4), 2);
    bad.fill(0x7f, damage, damage + 4);
    const reader = fresh();
    reader.seek(startOf(0));
    reader.startAt(0);
    reader.feed(Buffer.concat([good, bad]), []);
    assert.equal(reader.take(10)?.next.position, 2);
    if (reader.bytesAtHand === 0) reader.feed(bad, []);
    assert.throws(() => {
      if (reader.take(10) === null) reader.check();
    });
    assert.equal(reader.wants, 2);
    reader.feed(batchOf(eventsAt(3, 4), 2), []);
    assert.equal(reader.take(10)?.next.position, 4);
  }
});

test("no event is lost or doubled over any order of answers, limits and seeks", () => {
  const batches = [eventsAt(1, 7), eventsAt(5, 12), eventsAt(13, 13), eventsAt(13, 30), eventsAt(31, 33)];
  const partition = partitionOf(batches);
  const step = fc.oneof(
    fc.record({ take: fc.integer({ min: 1, max: 12 }) }),
    fc.record({ serve: fc.integer({ min: 1, max: 3 }) }),
    fc.record({ seek: fc.nat(33), hint: fc.option(fc.nat(40)), known: fc.boolean() }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
      const reader = fresh();
      let at = startOf(0);
      reader.seek(at);
      for (const each of steps) {
        if ("serve" in each) partition.serve(reader, each.serve);
        else if ("seek" in each) {
          const eventId = each.known && each.seek > 0 ? eventAt(each.seek).id : null;
          at = { partition: 0, position: each.seek, eventId, logId: null, hint: each.hint === null ? null : String(each.hint) };
          reader.seek(at);
        } else {
          const batch = reader.take(each.take);
          reader.check();
          if (batch === null) continue;
          assert.deepEqual(
            batch.events.map((e) => e.position),
            batch.events.map((_, i) => at.position + 1 + i),
          );
          assert.ok(batch.events.every((e) => e.id === eventAt(e.position).id));
          at = batch.next;
        }
      }
      assert.deepEqual(positionsRead(reader, partition), at.position === 33 ? [] : eventsAt(at.position + 1, 33).map((e) => e.position));
    }),
    { numRuns: 500 },
  );
});
