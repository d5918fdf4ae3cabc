import assert from "node:assert/strict";
import { test } from "node:test";
import { compressionsAlgorithms, crc32c } from "@platformatic/kafka";
import fc from "fast-check";
import { batchEncoder, encodeHeaders, headerName, type RecordToWrite } from "./batch-encoder.ts";
import { type PlainRecord, recordsIn } from "./events.fixture.ts";

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 200 }),
  fc.string({ maxLength: 3_000 }),
  fc.string({ minLength: 60, maxLength: 70, size: "max" }),
  fc.string({ unit: fc.constantFrom("a", "é", "€", "𝄞"), maxLength: 70 }),
);
const header = fc.tuple(fc.string({ minLength: 1, maxLength: 20 }).filter(isAscii), text);
const content = fc.record({ key: text, value: text, headers: fc.array(header, { maxLength: 5 }) });
type Content = { key: string; value: string; headers: [string, string][] };

function isAscii(value: string): boolean {
  return Buffer.byteLength(value) === value.length;
}

const fixed: [string, string][] = [["ce_specversion", "1.0"]];
const toWrite = ({ key, value, headers }: Content): RecordToWrite => ({
  key,
  value,
  fixedHeaders: encodeHeaders(fixed),
  headers: headers.flatMap(([name, v]) => [headerName(name), v]),
});

const contentOf = ({ key, value, headers }: PlainRecord): Content => ({ key: key!, value: value!, headers: headers as [string, string][] });

function encode(contents: readonly Content[], baseOffset = 0): Buffer {
  const encoder = batchEncoder();
  encoder.begin(1_700_000_000_000);
  for (const c of contents) encoder.add(toWrite(c));
  const batch = encoder.finish();
  batch.writeBigInt64BE(BigInt(baseOffset), 0);
  return batch;
}
const wellFormed = ({ key, value, headers }: Content) => [key, value, ...headers.map(([, v]) => v)].every((s) => s.isWellFormed());
const contents = fc.array(content.filter(wellFormed), { minLength: 1, maxLength: 30 });
const expected = (list: readonly Content[]) => list.map((c) => ({ ...c, headers: [...fixed, ...c.headers] }));

test("what is encoded is decoded, over several batches and any offset", () => {
  fc.assert(
    fc.property(fc.array(contents, { minLength: 1, maxLength: 4 }), fc.nat(2 ** 40), (batches, first) => {
      let offset = first;
      const bytes = Buffer.concat(
        batches.map((list) => {
          const batch = encode(list, offset);
          offset += list.length;
          return batch;
        }),
      );
      const { records, nextOffset } = recordsIn(bytes, first);
      assert.equal(nextOffset, offset);
      assert.deepEqual(records.map(contentOf), expected(batches.flat()));
      assert.deepEqual(
        records.map((r) => r.offset),
        batches.flat().map((_, i) => first + i),
      );
    }),
    { numRuns: 200 },
  );
});

test("records before the fetch offset are left out, and a cut batch is left for the next fetch", () => {
  fc.assert(
    fc.property(contents, contents, fc.nat(), fc.nat(), (a, b, skip, cut) => {
      const second = encode(b, a.length);
      const bytes = Buffer.concat([encode(a), second.subarray(0, cut % second.length)]);
      const from = skip % a.length;
      const { records, nextOffset } = recordsIn(bytes, from);
      assert.deepEqual(records.map(contentOf), expected(a.slice(from)));
      assert.equal(nextOffset, a.length);
    }),
    { numRuns: 100 },
  );
});

test("the checksum is that of the bytes after it", () => {
  const batch = encode([{ key: "k", value: "v", headers: [] }]);
  assert.equal(batch.readUInt32BE(17), crc32c(batch.subarray(21)) >>> 0);
});

test("the last record can be taken out again", () => {
  const encoder = batchEncoder();
  encoder.begin(0);
  encoder.add(toWrite({ key: "a", value: "1", headers: [] }));
  const size = encoder.size;
  encoder.add(toWrite({ key: "b", value: "2".repeat(100_000), headers: [] }));
  encoder.dropLast();
  assert.equal(encoder.size, size);
  const { records } = recordsIn(encoder.finish());
  assert.deepEqual(
    records.map((r) => r.key),
    ["a"],
  );
});

for (const name of ["gzip", "snappy", "lz4", "zstd"] as const) {
  test(`a batch packed with ${name} is read`, () => {
    const list = Array.from({ length: 50 }, (_, i): Content => ({ key: `k${i}`, value: "tidemark ".repeat(i), headers: [] }));
    const plain = encode(list, 7);
    const packed = Buffer.concat([plain.subarray(0, 61), compressionsAlgorithms[name].compressSync(plain.subarray(61))]);
    packed.writeInt32BE(packed.length - 12, 8);
    packed.writeInt16BE(compressionsAlgorithms[name].bitmask, 21);
    assert.deepEqual(recordsIn(packed, 7).records.map(contentOf), expected(list));
  });
}

function asTransaction(batch: Buffer, producerId: bigint): Buffer {
  batch.writeInt16BE(0x10, 21);
  batch.writeBigInt64BE(producerId, 43);
  return batch;
}

function marker(baseOffset: number, producerId: bigint, type: "abort" | "commit"): Buffer {
  const batch = Buffer.alloc(61);
  const record = Buffer.from([0, 0, 0, 8, 0, 0, 0, type === "abort" ? 0 : 1, 12, 0, 0, 0, 0, 0, 0, 0]);
  const whole = Buffer.concat([batch, Buffer.from([record.length * 2]), record]);
  whole.writeBigInt64BE(BigInt(baseOffset), 0);
  whole.writeInt32BE(whole.length - 12, 8);
  whole[16] = 2;
  whole.writeInt16BE(0x30, 21);
  whole.writeBigInt64BE(producerId, 43);
  whole.writeInt32BE(1, 57);
  return whole;
}

test("an abort whose records are not in the answer ends with its marker, and takes nothing of what comes after it", () => {
  const bytes = Buffer.concat([marker(101, 9n, "abort"), asTransaction(encode([{ key: "k", value: "committed", headers: [] }], 102), 9n)]);
  const { records } = recordsIn(bytes, 101, [{ producerId: 9n, firstOffset: 100n }]);
  assert.deepEqual(
    records.map((r) => r.value),
    ["committed"],
  );
});

test("markers and records of aborted transactions are left out, later ones of the same producer are not", () => {
  const one = (value: string): Content => ({ key: "k", value, headers: [] });
  const bytes = Buffer.concat([
    asTransaction(encode([one("aborted")], 0), 9n),
    asTransaction(encode([one("other producer")], 1), 8n),
    marker(2, 9n, "abort"),
    asTransaction(encode([one("committed")], 3), 9n),
    marker(4, 9n, "commit"),
  ]);
  const { records, nextOffset } = recordsIn(bytes, 0, [{ producerId: 9n, firstOffset: 0n }]);
  assert.deepEqual(
    records.map((r) => r.value),
    ["other producer", "committed"],
  );
  assert.equal(nextOffset, 5);
});
