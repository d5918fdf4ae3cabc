import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { isTidemarkError } from "../errors.ts";
import { batchEncoder, encodeHeaders } from "./batch-encoder.ts";
import { firstRecord, logId, recordsIn } from "./events.fixture.ts";
import { HeaderPlaces, type HeaderKey, slot } from "./header-decoder.ts";
import { header } from "./headers.ts";
import { RecordReader } from "./record-reading.ts";

const keys = Object.keys(header) as HeaderKey[];
type Headers = [string, string | null][];

/** A batch of one record. A header without a value is written by hand, the encoder makes none. */
function recordOf(headers: Headers, key = "o-1", value = "{}"): Buffer {
  const encoder = batchEncoder();
  encoder.begin(0);
  const missing = "\u0001none";
  const fixedHeaders = encodeHeaders(headers.map(([name, text]) => [name, text ?? missing]));
  encoder.add({ key, value, fixedHeaders, headers: [] });
  const batch = Buffer.from(encoder.finish());
  for (const [, text] of headers) {
    if (text !== null) continue;
    const at = batch.indexOf(missing);
    // -1 in place of the length, and the rest of the record moved up
    batch[at - 1] = 1;
    batch.copyWithin(at, at + missing.length).fill(0, batch.length - missing.length);
  }
  return batch;
}

const name = fc.oneof(
  { weight: 4, arbitrary: fc.constantFrom(...Object.values(header)) },
  { weight: 1, arbitrary: fc.string({ maxLength: 30 }) },
  // as long as ours, and nearly the same
  {
    weight: 1,
    arbitrary: fc.constantFrom("ce_ie", "ce_typo", "tidemark-positiom", "Tidemark-position", "tidemark-log-iD", "xe_id", "é", ""),
  },
);
const value = fc.oneof(
  fc.string({ unit: "grapheme", maxLength: 40 }).filter((s) => s.isWellFormed()),
  fc.constantFrom("", "€".repeat(30), "x".repeat(63), "x".repeat(64), "x".repeat(65), "x".repeat(9_000)),
);

test("headers lie where the plain way finds them: unknown, empty, unicode, long, repeated, in any order, from record to record", () => {
  const places = new HeaderPlaces();
  fc.assert(
    fc.property(fc.array(fc.tuple(name, value), { maxLength: 20 }), (headers) => {
      const batch = recordOf(headers);
      const record = firstRecord(batch);
      places.find(record);
      const plain = new Map(recordsIn(batch).records[0]!.headers);
      for (const key of keys) {
        const end = places.ends[slot[key]]!;
        const found = end === -1 ? undefined : record.bytes.toString("utf8", places.starts[slot[key]], end);
        assert.equal(found, plain.get(header[key]), key);
      }
    }),
    { numRuns: 500 },
  );
});

test("a header without a value is there, and has none", () => {
  const places = new HeaderPlaces();
  places.find(
    firstRecord(
      recordOf([
        [header.actor, null],
        [header.id, "e-1"],
      ]),
    ),
  );
  assert.equal(places.ends[slot.actor], -2);
  assert.ok(places.ends[slot.id]! > 0);
  assert.equal(places.ends[slot.time], -1);
});

test("cut headers are an error, not the bytes after them", () => {
  const record = firstRecord(recordOf([[header.id, "e-1"]]));
  record.headerCount = 2;
  assert.throws(() => new HeaderPlaces().find(record), /damaged headers/);
  record.headerCount = 1;
  record.end -= 1;
  assert.throws(() => new HeaderPlaces().find(record), /damaged headers/);
});

const whole = (given: Partial<Record<HeaderKey, string | null>> = {}): Headers =>
  Object.entries({ logId, position: "7", id: "e-7", type: "OrderPaid", version: "2", schemaVersion: "1", ...given }).map(([key, text]) => [
    header[key as HeaderKey],
    text,
  ]);

test("positions that are no whole numbers, and records that lack a header of ours, are refused", () => {
  const reader = new RecordReader("orders", 0);
  const refused = (headers: Headers) => {
    const record = firstRecord(recordOf(headers));
    assert.throws(
      () => {
        reader.place(record, null);
        reader.event(record);
      },
      (error) => isTidemarkError(error, "LOG_DIVERGED"),
      JSON.stringify(headers),
    );
  };
  for (const position of ["", "0", "07", "-7", "7.0", "7e3", " 7", "٧", "12345678901234567", null]) refused(whole({ position }));
  for (const key of ["logId", "position", "id", "type", "version", "schemaVersion"] as const) {
    refused(whole({ [key]: null }));
    refused(whole().filter(([each]) => each !== header[key]));
  }
  const good = firstRecord(recordOf(whole()));
  reader.place(good, logId);
  assert.deepEqual([reader.position, reader.event(good).version], [7, 2]);
});

test("texts alike at both ends are not taken for each other", () => {
  const reader = new RecordReader("orders", 0);
  for (const middle of ["aaaa", "bbbb", "aaaa", "é-é", "bbbb"]) {
    const stream = `order-${middle}-0001`;
    const record = firstRecord(recordOf(whole({ type: `Type-${middle}-made`, correlationId: `c-${middle}-9` }), stream));
    reader.place(record, logId);
    const event = reader.event(record);
    assert.deepEqual([event.stream, event.type, event.metadata], [stream, `Type-${middle}-made`, { correlationId: `c-${middle}-9` }]);
  }
});
