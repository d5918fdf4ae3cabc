/** Record batch format v2, the writing half. Uncompressed: what the topic's `compression.type` says is the broker's to do. */
import { crc32c } from "@platformatic/kafka";
import { type ByteWriter, byteWriter } from "./byte-writer.ts";

export interface RecordToWrite {
  readonly key: string;
  /** null: a tombstone. */
  readonly value: string | null;
  /** Headers that many records share, already encoded by `encodeHeaders`. */
  readonly fixedHeaders: EncodedHeaders;
  /** Name and value by turns. */
  readonly headers: readonly (HeaderName | string)[];
}

export interface HeaderName {
  /** With its length before it. */
  readonly bytes: Uint8Array;
  /** The same as characters: a name is ASCII and shorter than 64. */
  readonly text: string;
}

export interface EncodedHeaders {
  readonly count: number;
  readonly bytes: Uint8Array;
}

/** Who writes a batch within a transaction. */
export interface TransactionalProducer {
  readonly id: bigint;
  readonly epoch: number;
  /** Of the batch's first record: counts the records of this producer and epoch in this partition. */
  readonly baseSequence: number;
}

/** What a batch takes beside its records. */
export const batchHeaderBytes = 61;

export interface BatchEncoder {
  /** Empties the batch. */
  begin(timestampMs: number): void;
  /** Bytes of the batch so far. */
  readonly size: number;
  readonly count: number;
  add(record: RecordToWrite): void;
  /** Takes the last record out again. */
  dropLast(): void;
  /** The finished batch, base offset 0; without `producer` it is of no producer and no transaction. It is a copy. */
  finish(producer?: TransactionalProducer): Buffer;
}

const transactionalBit = 0x10;

export function batchEncoder(): BatchEncoder {
  const writer: ByteWriter = byteWriter();
  let count = 0;
  let timestampMs = 0;
  let beforeLast = batchHeaderBytes;

  return {
    begin(timestamp) {
      timestampMs = timestamp;
      count = 0;
      beforeLast = batchHeaderBytes;
      writer.reset(batchHeaderBytes);
    },
    get size() {
      return writer.position;
    },
    get count() {
      return count;
    },
    add(record) {
      beforeLast = writer.position;
      writer.framed(() => {
        writer.byte(0); // attributes
        writer.varint(0); // timestamp delta: one timestamp for the batch
        writer.varint(count);
        writer.text(record.key);
        if (record.value === null) writer.varint(-1);
        else writer.text(record.value);
        writeHeaders(writer, record);
      });
      count++;
    },
    dropLast() {
      writer.reset(beforeLast);
      count--;
    },
    finish(producer) {
      const batch = writer.copy();
      batch.writeBigInt64BE(0n, 0); // base offset: the broker's
      batch.writeInt32BE(batch.length - 12, 8);
      batch.writeInt32BE(-1, 12); // leader epoch
      batch[16] = 2; // magic
      batch.writeInt16BE(producer === undefined ? 0 : transactionalBit, 21); // attributes
      batch.writeInt32BE(count - 1, 23); // last offset delta
      batch.writeBigInt64BE(BigInt(timestampMs), 27);
      batch.writeBigInt64BE(BigInt(timestampMs), 35);
      batch.writeBigInt64BE(producer?.id ?? -1n, 43);
      batch.writeInt16BE(producer?.epoch ?? -1, 51);
      batch.writeInt32BE(producer?.baseSequence ?? -1, 53);
      batch.writeInt32BE(count, 57);
      batch.writeUInt32BE(crc32c(batch.subarray(21)) >>> 0, 17);
      return batch;
    },
  };
}

function writeHeaders(writer: ByteWriter, record: RecordToWrite): void {
  const own = record.headers;
  writer.varint(record.fixedHeaders.count + own.length / 2);
  writer.bytes(record.fixedHeaders.bytes);
  if (writeShort(writer, own)) return;
  for (let i = 0; i < own.length; i += 2) {
    writer.bytes((own[i] as HeaderName).bytes);
    writer.text(own[i + 1] as string);
  }
}

/** Up to 63 the length is one byte, and it is ASCII. */
const shortLengths = Array.from({ length: 64 }, (_, length) => String.fromCharCode(length << 1));

/** The common case, all headers short and ASCII, in one write: several times quicker than one by one. False: nothing was written. */
function writeShort(writer: ByteWriter, headers: RecordToWrite["headers"]): boolean {
  let text = "";
  for (let i = 0; i < headers.length; i += 2) {
    const value = headers[i + 1] as string;
    const length = shortLengths[value.length];
    if (length === undefined) return false;
    text += (headers[i] as HeaderName).text + length + value;
  }
  return writer.ascii(text);
}

export function headerName(name: string): HeaderName {
  const writer = byteWriter(64);
  writer.text(name);
  const bytes = writer.copy();
  if (bytes.length !== name.length + 1 || name.length > 63) throw new RangeError(`'${name}' is no header name`);
  return { bytes, text: bytes.toString("latin1") };
}

export function encodeHeaders(headers: readonly (readonly [string, string])[]): EncodedHeaders {
  const writer = byteWriter(512);
  for (const [name, value] of headers) {
    writer.text(name);
    writer.text(value);
  }
  return { count: headers.length, bytes: writer.copy() };
}
