import assert from "node:assert/strict";
import { test } from "node:test";
import { batchEncoder, type RecordToWrite } from "./batch-encoder.ts";
import { readTopicRecords, topicRecordMaker, type TopicCheckpoint, type TopicDocument } from "./view-topic-records.ts";

const label = { view: "orders_read", version: 2, generation: 3, log: "orders", topic: "orders-read-g3" };
const make = topicRecordMaker(label);
const document: TopicDocument = { text: '{"name":"Zoë \u{1f600}"}', version: 4, lastUpdated: "2026-03-01T10:00:00.000Z" };
const checkpoint: TopicCheckpoint = { position: 17, eventId: "e-17", logId: "log" };

function batchOf(records: readonly RecordToWrite[], { producer = 0, baseOffset = 0 } = {}): Buffer {
  const encoder = batchEncoder();
  encoder.begin(0);
  for (const record of records) encoder.add(record);
  const bytes = encoder.finish(producer === 0 ? undefined : { id: BigInt(producer), epoch: 1, baseSequence: 0 });
  bytes.writeBigInt64BE(BigInt(baseOffset), 0);
  return bytes;
}

function read(bytes: Buffer, { aborted = 0, of = label } = {}) {
  const seen: unknown[] = [];
  readTopicRecords(bytes, 0, aborted === 0 ? [] : [{ producerId: BigInt(aborted), firstOffset: 0n }], of, {
    document: (key, found) => seen.push([key, found]),
    checkpoint: (found) => seen.push(found),
  });
  return seen;
}

test("documents, deletions and checkpoints come back as they were written, in order", () => {
  const gone = { text: null, version: 0, lastUpdated: "" };
  const bytes = batchOf(
    [make.document("ö-1", document, "e-16", 16), make.document("o-2", gone, "e-17", 17), make.checkpoint(5, checkpoint)],
    {
      producer: 9,
    },
  );
  assert.deepEqual(read(bytes), [["ö-1", document], ["o-2", gone], checkpoint]);
});

test("what was taken back is not there", () => {
  const bytes = batchOf([make.document("o-1", document, "e-17", 17), make.checkpoint(0, checkpoint)], { producer: 9 });
  assert.deepEqual(read(bytes, { aborted: 9 }), []);
  assert.equal(read(bytes, { aborted: 8 }).length, 2);
});

test("a record of anybody else is refused", () => {
  const ours = make.document("o-1", document, "e-17", 17);
  const foreign = { ...ours, fixedHeaders: { count: 0, bytes: new Uint8Array() }, headers: [] };
  const refused = { code: "VIEW_STORE_DIVERGED", message: /a record that is not its own, offset 1/ };
  assert.throws(() => read(batchOf([ours, foreign])), refused);
  // nor is one of another generation, or folded by another definition
  const checkpoints = batchOf([ours, make.checkpoint(0, checkpoint)]);
  assert.throws(() => read(checkpoints, { of: { ...label, generation: 4 } }), refused);
  assert.throws(() => read(checkpoints, { of: { ...label, version: 3 } }), refused);
});
