import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import { takeNext } from "./sequence.ts";

const last = (position: number, eventId: string | null = `e${position}`) => ({ log: "orders", partition: 2, position, eventId });
const event = (position: number, id = `e${position}`) => ({ position, id });
const positions = (events: readonly { position: number }[]) => events.map((e) => e.position);

test("the next positions are taken, in order", () => {
  assert.deepEqual(positions(takeNext(last(0, null), [event(1), event(2), event(3)])), [1, 2, 3]);
  assert.deepEqual(takeNext(last(5), []), []);
});

test("what was seen is skipped, wherever it comes", () => {
  assert.deepEqual(positions(takeNext(last(3), [event(2), event(3), event(4), event(4), event(1), event(5)])), [4, 5]);
});

test("a gap stops the reader", () => {
  assert.throws(
    () => takeNext(last(3), [event(4), event(6)]),
    (error) => {
      assert.ok(isTidemarkError(error, "LOG_GAP"));
      assert.deepEqual(error.details, { log: "orders", partition: 2, expected: 5, found: 6 });
      return true;
    },
  );
});

test("another event at the last position is another history", () => {
  assert.throws(
    () => takeNext(last(3), [event(3, "other")]),
    (error) => isTidemarkError(error, "LOG_DIVERGED"),
  );
  assert.throws(
    () => takeNext(last(3), [event(4), event(4, "other")]),
    (error) => isTidemarkError(error, "LOG_DIVERGED"),
  );
  assert.deepEqual(takeNext(last(3, null), [event(3, "other")]), [], "unknown ids cannot differ");
});

test("whatever is sent again, each position is taken once and in order", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 0, max: 20 }),
      fc.integer({ min: 0, max: 30 }),
      fc.array(fc.nat({ max: 60 })),
      (start, count, repeats) => {
        const sent = Array.from({ length: count }, (_, i) => event(start + i + 1));
        for (const at of repeats) {
          const from = at % (sent.length + 1);
          sent.splice(from, 0, ...Array.from({ length: Math.min(from, 3) }, (_, i) => sent[from - Math.min(from, 3) + i]!));
        }
        assert.deepEqual(
          positions(takeNext(last(start), sent)),
          Array.from({ length: count }, (_, i) => start + i + 1),
        );
      },
    ),
  );
});
