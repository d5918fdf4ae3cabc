/**
 * Where the headers of a fetched record lie. They are most of what reading a record costs, so names are compared as bytes, four at a time,
 * and become no strings; values become strings only where they are asked for.
 */
import type { RecordCursor } from "./batch-decoder.ts";
import { header } from "./headers.ts";

export type HeaderKey = keyof typeof header;

const keys = Object.keys(header) as HeaderKey[];

/** The place of each header's entry in `starts` and `ends`. */
export const slot = Object.fromEntries(keys.map((key, i) => [key, i])) as Readonly<Record<HeaderKey, number>>;

interface Name {
  readonly slot: number;
  readonly length: number;
  /** The last one overlaps the one before it, where the length is no multiple of four. */
  readonly words: Int32Array;
}

const names = keys.map((key): Name => {
  const bytes = Buffer.from(header[key]);
  const starts = Array.from({ length: Math.ceil(bytes.length / 4) }, (_, i) => Math.min(i * 4, bytes.length - 4));
  return { slot: slot[key], length: bytes.length, words: Int32Array.from(starts, (start) => bytes.readInt32BE(start)) };
});

export class HeaderPlaces {
  /** Of the value, by slot; holds where `ends` has a place. */
  readonly starts = new Int32Array(keys.length);
  /** -1: no such header; -2: one without a value. Of a header that is there twice, the last one. */
  readonly ends = new Int32Array(keys.length);
  /** Names in the order in which the last record had them: the next one most likely has them so. */
  readonly #expected: (Name | undefined)[] = [];

  /** @throws an Error for bytes that are no headers */
  find(record: RecordCursor): void {
    const { bytes, view, headerCount, end } = record;
    const { starts, ends } = this;
    const expected = this.#expected;
    for (let i = 0; i < ends.length; i++) ends[i] = -1;
    let at = record.headersStart;
    for (let i = 0; i < headerCount; i++) {
      // a varint of one byte, as nearly all of them are, is read here
      let length = bytes[at++]!;
      if (length < 0x80) length = (length >> 1) ^ -(length & 1);
      else {
        length = longVarint(bytes, at - 1);
        at += longVarintBytes(bytes, at - 1) - 1;
      }
      if (length < 0 || at + length > end) throw new Error(`damaged headers at offset ${record.offset}`);
      let name = i < expected.length ? expected[i] : undefined;
      if (name === undefined || name.length !== length || !isAt(name, view, at)) {
        name = nameAt(view, at, length);
        if (name !== undefined && i <= expected.length && i < 64) expected[i] = name;
      }
      at += length;
      length = bytes[at++]!;
      if (length < 0x80) length = (length >> 1) ^ -(length & 1);
      else {
        length = longVarint(bytes, at - 1);
        at += longVarintBytes(bytes, at - 1) - 1;
      }
      const start = at;
      if (length > 0) at += length;
      if (at > end) throw new Error(`damaged headers at offset ${record.offset}`);
      if (name === undefined) continue;
      starts[name.slot] = start;
      ends[name.slot] = length < 0 ? -2 : at;
    }
  }
}

function longVarint(bytes: Buffer, start: number): number {
  let value = 0;
  let at = start;
  for (let shift = 0; ; shift += 7) {
    const byte = bytes[at++]!;
    value |= (byte & 0x7f) << shift;
    if (!(byte > 0x7f)) return (value >>> 1) ^ -(value & 1);
  }
}

function longVarintBytes(bytes: Buffer, start: number): number {
  let at = start;
  while (bytes[at++]! > 0x7f);
  return at - start;
}

function isAt({ words, length }: Name, view: DataView, start: number): boolean {
  const last = words.length - 1;
  for (let i = 0; i < last; i++) if (view.getInt32(start + i * 4) !== words[i]) return false;
  return view.getInt32(start + length - 4) === words[last];
}

const nameAt = (view: DataView, start: number, length: number): Name | undefined =>
  names.find((name) => name.length === length && isAt(name, view, start));
