import assert from "node:assert/strict";
import { test } from "node:test";
import { murmur2 as kafkaMurmur2 } from "@platformatic/kafka";
import fc from "fast-check";
import { murmur2, partitionOf } from "./partition.ts";

const bytes = (text: string) => new TextEncoder().encode(text);

/** From the tests of Kafka's Java client, and (those beyond ASCII) computed by that client, version 4.4.0. */
const vectors: readonly (readonly [string, number])[] = [
  ["21", -973932308],
  ["foobar", -790332482],
  ["a-little-bit-long-string", -985981536],
  ["a-little-bit-longer-string", -1486304829],
  ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
  ["abc", 479470107],
  ["", 275646681],
  ["é", 186971271],
  ["ü-ö", 180471],
  ["订单-1", 667668799],
  ["😀", 131881617],
  ["заказ:42", 1085733351],
];

for (const [text, hash] of vectors)
  test(`murmur2 of '${text}' is that of Kafka's Java client`, () => assert.equal(murmur2(bytes(text)), hash));

test("any bytes hash as the Kafka client here hashes them", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 70 }), (data) => assert.equal(murmur2(data), kafkaMurmur2(Buffer.from(data)))),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(fc.string({ unit: "binary", maxLength: 40 }), (text) => assert.equal(murmur2(bytes(text)), kafkaMurmur2(text))),
    { numRuns: 500 },
  );
});

test("the partition is that of Java's toPositive(murmur2(key)) % partitions", () => {
  assert.equal(partitionOf("21", 6), (-973932308 & 0x7fffffff) % 6);
  assert.equal(partitionOf("abc", 6), 479470107 % 6);
  fc.assert(
    fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (stream, partitions) => {
      const partition = partitionOf(stream, partitions);
      assert.ok(Number.isInteger(partition) && partition >= 0 && partition < partitions);
    }),
  );
});
