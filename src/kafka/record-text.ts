/** Text out of the bytes of records. */
/** `toString` without its choice of encoding and its checks of bounds: half of what a short text costs. */
export const utf8 = (bytes: Buffer, start: number, end: number): string => (bytes as Utf8Sliced).utf8Slice(start, end);

type Utf8Sliced = Buffer & { utf8Slice(start: number, end: number): string };

const longestBytes = 64;
const wordsPerText = longestBytes / 4;

/**
 * Strings of bytes that come again and again: types, streams, log ids, one time for many events. The same bytes are the same string,
 * not made anew. Bounded: a place is taken over by whatever comes next to it.
 */
export class TextCache {
  readonly #mask: number;
  readonly #words: Int32Array;
  readonly #lengths: Int32Array;
  readonly #texts: string[];

  /** @param places a power of two */
  constructor(places: number) {
    this.#mask = places - 1;
    this.#words = new Int32Array(places * wordsPerText);
    this.#lengths = new Int32Array(places);
    this.#texts = Array.from({ length: places }, () => "");
  }

  /** The text from `start` to `end`, UTF-8. `view` is of `bytes`. */
  text(bytes: Buffer, view: DataView, start: number, end: number): string {
    const length = end - start;
    if (length < 4 || length > longestBytes) return utf8(bytes, start, end);
    // the last word overlaps the one before it, where the length is no multiple of four
    const lastWord = view.getInt32(end - 4);
    const hash = Math.imul(view.getInt32(start) ^ Math.imul(lastWord, 0x9e37_79b1), 0x85eb_ca6b);
    const place = ((hash >>> 16) ^ hash) & this.#mask;
    const words = this.#words;
    let at = place * wordsPerText;
    if (this.#lengths[place] === length) {
      let same = true;
      for (let i = start; i + 4 < end; i += 4)
        if (words[at++] !== view.getInt32(i)) {
          same = false;
          break;
        }
      if (same && words[at] === lastWord) return this.#texts[place]!;
      at = place * wordsPerText;
    }
    for (let i = start; i + 4 < end; i += 4) words[at++] = view.getInt32(i);
    words[at] = lastWord;
    this.#lengths[place] = length;
    return (this.#texts[place] = utf8(bytes, start, end));
  }
}

/** True where `length` bytes at `a` are those at `b`. */
export function sameBytes(view: DataView, a: number, b: number, length: number): boolean {
  let i = 0;
  for (; i + 4 <= length; i += 4) if (view.getInt32(a + i) !== view.getInt32(b + i)) return false;
  for (; i < length; i++) if (view.getInt8(a + i) !== view.getInt8(b + i)) return false;
  return true;
}
