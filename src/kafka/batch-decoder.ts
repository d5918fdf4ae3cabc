/** Record batch format v2, the reading half: what a fetch answered, record by record, none of them copied. */
import { compressionsAlgorithmsByBitmask } from "@platformatic/kafka";

/** Records of a transaction that was taken back; from `firstOffset` to the producer's next abort marker. */
export interface AbortedTransaction {
  readonly producerId: bigint;
  readonly firstOffset: bigint;
}

const headerBytes = 61;
const controlBit = 0x20;
const transactionalBit = 0x10;

/**
 * The offset after the last whole batch; `fetchOffset` where none is whole. Markers and aborted records count.
 * @throws an Error for bytes that are no record batches
 */
export function nextOffsetOf(bytes: Buffer, fetchOffset: number): number {
  let next = fetchOffset;
  for (let at = 0; bytes.length - at >= headerBytes;) {
    const end = at + 12 + bytes.readInt32BE(at + 8);
    if (end > bytes.length) break;
    const magic = bytes[at + 16];
    if (magic !== 2) throw new Error(`record batch of format ${magic} at offset ${readOffset(bytes, at)}, expected format 2`);
    if (end < at + headerBytes) throw new Error(`damaged record batch at offset ${readOffset(bytes, at)}`);
    next = Math.max(next, readOffset(bytes, at) + bytes.readInt32BE(at + 23) + 1);
    at = end;
  }
  return next;
}

/**
 * Stands on one record at a time, in offset order, from `fetchOffset` on. A cut batch at the end is left for the next fetch; markers and
 * aborted records are left out. The checksum is not verified, the broker did that and TCP does.
 * The fields tell where the record lies: a class, because they are read for every record there is.
 */
export class RecordCursor {
  /** What the places below are in: another one for each packed batch. */
  bytes: Buffer;
  view: DataView;
  /** Before the first record: the one before the fetch offset. */
  offset: number;
  keyStart = 0;
  /** -1: there is no key. */
  keyEnd = -1;
  valueStart = 0;
  /** -1: there is no value. */
  valueEnd = -1;
  /** Where the first header begins. */
  headersStart = 0;
  headerCount = 0;
  /** Where the record ends. */
  end = 0;
  readonly #source: Buffer;
  readonly #sourceView: DataView;
  readonly #fetchOffset: number;
  readonly #aborted: ReturnType<typeof abortFilter>;
  /** Of the next batch in `#source`. */
  #batchAt = 0;
  #left = 0;
  #baseOffset = 0;
  /** Of what is read next in `bytes`. */
  #at = 0;

  constructor(bytes: Buffer, fetchOffset: number, aborted: readonly AbortedTransaction[] = []) {
    this.#source = bytes;
    this.#sourceView = viewOf(bytes);
    this.#fetchOffset = fetchOffset;
    this.offset = fetchOffset - 1;
    this.#aborted = abortFilter(aborted);
    this.bytes = bytes;
    this.view = this.#sourceView;
  }

  /** All of what was fetched, read or not. */
  get size(): number {
    return this.#source.length;
  }

  /** Goes to the next record; false at the end. @throws an Error for bytes that are no record batches */
  next(): boolean {
    for (;;) {
      while (this.#left > 0) {
        this.#left--;
        if (this.#readRecord()) return true;
      }
      if (!this.#enterBatch()) return false;
    }
  }

  /** False where the record lies before the fetch offset. */
  #readRecord(): boolean {
    const length = this.#varint();
    const end = this.#at + length;
    if (length < 0 || end > this.bytes.length) throw new Error(`damaged record batch at offset ${this.#baseOffset}`);
    this.end = end;
    this.#at++; // attributes
    while (this.bytes[this.#at++]! > 0x7f); // a timestamp delta may take more than 32 bits
    const offset = this.#baseOffset + this.#varint();
    if (offset < this.#fetchOffset) {
      this.#at = end;
      return false;
    }
    const keyLength = this.#varint();
    this.keyStart = this.#at;
    this.keyEnd = keyLength < 0 ? -1 : this.#at + keyLength;
    this.#at += Math.max(0, keyLength);
    const valueLength = this.#varint();
    this.valueStart = this.#at;
    this.valueEnd = valueLength < 0 ? -1 : this.#at + valueLength;
    this.#at += Math.max(0, valueLength);
    this.headerCount = this.#varint();
    this.headersStart = this.#at;
    if (this.#at > end) throw new Error(`damaged record at offset ${offset}`);
    this.#at = end;
    this.offset = offset;
    return true;
  }

  #enterBatch(): boolean {
    const source = this.#source;
    for (let at = this.#batchAt; source.length - at >= headerBytes; at = this.#batchAt) {
      const end = at + 12 + source.readInt32BE(at + 8);
      if (end > source.length) return false;
      this.#batchAt = end;
      this.#baseOffset = readOffset(source, at);
      const attributes = source.readInt16BE(at + 21);
      if ((attributes & (controlBit | transactionalBit)) !== 0) {
        const producerId = source.readBigInt64BE(at + 43);
        if ((attributes & controlBit) !== 0) {
          this.#aborted.marker(producerId, this.#baseOffset, source, at + headerBytes);
          continue;
        }
        if (this.#aborted.covers(producerId, this.#baseOffset)) continue;
      }
      const compression = attributes & 7;
      this.#left = source.readInt32BE(at + 57);
      if (compression === 0) {
        this.bytes = source;
        this.view = this.#sourceView;
        this.#at = at + headerBytes;
      } else {
        this.bytes = decompress(source.subarray(at + headerBytes, end), compression);
        this.view = viewOf(this.bytes);
        this.#at = 0;
      }
      return true;
    }
    return false;
  }

  /** Zigzag, 32 bits. */
  #varint(): number {
    const { bytes } = this;
    let byte = bytes[this.#at++]!;
    let value = byte & 0x7f;
    for (let shift = 7; byte > 0x7f; shift += 7) {
      byte = bytes[this.#at++]!;
      value |= (byte & 0x7f) << shift;
    }
    return (value >>> 1) ^ -(value & 1);
  }
}

const viewOf = (bytes: Buffer): DataView => new DataView(bytes.buffer, bytes.byteOffset, bytes.length);

/** Offsets stay far below 2^53. */
const readOffset = (bytes: Buffer, at: number): number => bytes.readInt32BE(at) * 0x1_0000_0000 + bytes.readUInt32BE(at + 4);

function decompress(packed: Buffer, type: number): Buffer {
  const algorithm = compressionsAlgorithmsByBitmask[type];
  if (algorithm === undefined) throw new Error(`record batch with unknown compression ${type}`);
  return algorithm.decompressSync(packed);
}

function abortFilter(aborted: readonly AbortedTransaction[]) {
  const waiting = [...aborted].sort((a, b) => Number(a.firstOffset - b.firstOffset));
  const open = new Set<bigint>();
  const openUpTo = (offset: number): void => {
    while (waiting.length > 0 && Number(waiting[0]!.firstOffset) <= offset) open.add(waiting.shift()!.producerId);
  };
  return {
    covers(producerId: bigint, baseOffset: number): boolean {
      openUpTo(baseOffset);
      return open.has(producerId);
    },
    /**
     * A marker's key is (version int16, type int16); type 0 is abort. It ends the producer's transaction, also one whose records are compacted away or
     * were in the answer before.
     */
    marker(producerId: bigint, baseOffset: number, bytes: Buffer, at: number): void {
      openUpTo(baseOffset);
      const keyAt = skipVarints(bytes, skipVarints(bytes, at, 1) + 1, 3); // length; attributes; timestamp, offset, key length
      if (bytes.readInt16BE(keyAt + 2) === 0) open.delete(producerId);
    },
  };
}

function skipVarints(bytes: Buffer, at: number, count: number): number {
  let next = at;
  for (let i = 0; i < count; i++) while (bytes[next++]! > 0x7f);
  return next;
}
