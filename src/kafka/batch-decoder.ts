/** Record batch format v2, the reading half: what a fetch answered, as records. */
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";

/** A record as it lies in the fetched bytes; the views are valid as long as those are. */
export interface RecordView {
  readonly offset: number;
  readonly key: Buffer | null;
  readonly value: Buffer | null;
  readonly headers: HeaderBlock;
}

export interface HeaderBlock {
  readonly bytes: Buffer;
  /** Where the first header begins in `bytes`. */
  readonly start: number;
  /** Where the record ends. */
  readonly end: number;
  readonly count: number;
}

/** Records of a transaction that was taken back; from `firstOffset` to the producer's next abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

export interface DecodedBatches {
  readonly records: readonly RecordView[];
  /** The offset after the last whole batch; the fetch offset where none was whole. Markers and aborted records count. */
  readonly nextOffset: number;
}

const headerBytes = 61;
const controlBit = 0x20;
const transactionalBit = 0x10;

/**
 * Records from `fetchOffset` on, in offset order. A cut batch at the end is left for the next fetch; markers and aborted
 * records are left out. The checksum is not verified, the broker did that and TCP does.
 * @throws an Error for bytes that are no record batches
 */
export function decodeBatches(bytes: Buffer, fetchOffset: number, aborted: readonly AbortedTransaction[] = []): DecodedBatches {
  const records: RecordView[] = [];
  const isAborted = abortFilter(aborted);
  let nextOffset = fetchOffset;
  let at = 0;
  while (bytes.length - at >= headerBytes) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const magic = bytes[at + 16];
    if (magic !== 2) throw new Error(`record batch of format ${magic} at offset ${readOffset(bytes, at)}, expected format 2`);
    const baseOffset = readOffset(bytes, at);
    const attributes = bytes.readInt16BE(at + 21);
    const producerId = bytes.readBigInt64BE(at + 43);
    if ((attributes & controlBit) !== 0) {
      isAborted.marker(producerId, bytes, at + headerBytes);
    } else if ((attributes & transactionalBit) === 0 || !isAborted.covers(producerId, baseOffset)) {
      const packed = bytes.subarray(at + headerBytes, end);
      readRecords(decompress(packed, attributes & 7), bytes.readInt32BE(at + 57), baseOffset, fetchOffset, records);
    }
    nextOffset = Math.max(nextOffset, baseOffset + bytes.readInt32BE(at + 23) + 1);
    at = end;
  }
  return { records, nextOffset };
}

/** Offsets stay far below 2^53. */
const readOffset = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);

function decompress(packed: Buffer, type: number): Buffer {
  if (type === 0) return packed;
  const algorithm = compressionsAlgorithmsByBitmask[type];
  if (algorithm === undefined) throw new Error(`record batch with unknown compression ${type}`);
  return algorithm.decompressSync(packed);
}

function abortFilter(aborted: readonly AbortedTransaction[]) {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const open = new Set<bigint>();
  return {
    covers(producerId: bigint, baseOffset: number): boolean {
      while (waiting.length > 0 && Number(waiting[0]!.firstOffset) <= baseOffset) open.add(waiting.shift()!.producerId);
      return open.has(producerId);
    },
    /** A marker's key is (version int16, type int16); type 0 is abort. It ends the producer's transaction. */
    marker(producerId: bigint, bytes: Buffer, at: number): void {
      const cursor = { at };
      varint(bytes, cursor); // length
      cursor.at++; // attributes
      skipVarint(bytes, cursor);
      varint(bytes, cursor);
      varint(bytes, cursor); // key length
      if (bytes.readInt16BE(cursor.at + 2) === 0) open.delete(producerId);
    },
  };
}

interface At {
  at: number;
}

function readRecords(bytes: Buffer, count: number, baseOffset: number, fetchOffset: number, into: RecordView[]): void {
  const cursor: At = { at: 0 };
  for (let i = 0; i < count; i++) {
    const length = varint(bytes, cursor);
    const end = cursor.at + length;
    if (length < 0 || end > bytes.length) throw new Error(`damaged record batch at offset ${baseOffset}`);
    cursor.at++; // attributes
    skipVarint(bytes, cursor); // timestamp delta
    const offset = baseOffset + varint(bytes, cursor);
    if (offset >= fetchOffset) {
      const key = sized(bytes, cursor);
      const value = sized(bytes, cursor);
      const headers = varint(bytes, cursor);
      into.push({ offset, key, value, headers: { bytes, start: cursor.at, end, count: headers } });
    }
    cursor.at = end;
  }
}

function sized(bytes: Buffer, cursor: At): Buffer | null {
  const length = varint(bytes, cursor);
  if (length < 0) return null;
  const from = cursor.at;
  cursor.at += length;
  return bytes.subarray(from, cursor.at);
}

/** Zigzag, 32 bits. */
export function varint(bytes: Buffer, cursor: At): number {
  let byte = bytes[cursor.at++]!;
  let value = byte & 0x7f;
  for (let shift = 7; byte > 0x7f; shift += 7) {
    byte = bytes[cursor.at++]!;
    value |= (byte & 0x7f) << shift;
  }
  return (value >>> 1) ^ -(value & 1);
}

/** Timestamp deltas may take more than 32 bits. */
function skipVarint(bytes: Buffer, cursor: At): void {
  while (bytes[cursor.at++]! > 0x7f);
}
