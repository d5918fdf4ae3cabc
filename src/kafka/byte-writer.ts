/** One growing buffer that a record batch is written into; kept and used again, so that a batch costs one copy at its end. */
export interface ByteWriter {
  /** Where the next byte goes. */
  readonly position: number;
  /** Starts again at `at`, keeping what stands before. */
  reset(at: number): void;
  bytes(source: Uint8Array): void;
  byte(value: number): void;
  /** Zigzag, for lengths and deltas of a record; 32 bits. */
  varint(value: number): void;
  /** UTF-8 with its length in bytes before it, as a varint. */
  text(value: string): void;
  /** The characters as they are, without a length. False, and nothing is written, where one of them is not ASCII. */
  ascii(value: string): boolean;
  /** What `write` writes, with its length in bytes before it, as a varint. */
  framed(write: () => void): void;
  /** The buffer itself, for fields at fixed places; valid until the next write. */
  readonly buffer: Buffer;
  /** A copy of the bytes from 0 to the position. */
  copy(): Buffer;
}

export function byteWriter(initialBytes = 256 * 1024): ByteWriter {
  let buffer = Buffer.allocUnsafeSlow(initialBytes);
  let position = 0;

  const room = (bytes: number) => {
    if (position + bytes <= buffer.length) return;
    const larger = Buffer.allocUnsafeSlow(Math.max(buffer.length * 2, position + bytes));
    buffer.copy(larger, 0, 0, position);
    buffer = larger;
  };

  const putVarint = (value: number) => {
    let rest = ((value << 1) ^ (value >> 31)) >>> 0;
    while (rest > 0x7f) {
      buffer[position++] = (rest & 0x7f) | 0x80;
      rest >>>= 7;
    }
    buffer[position++] = rest;
  };

  /** Puts the length of what was written from `start + guess` on in front of it, moving it where the guess was wrong. */
  const putLength = (start: number, guess: number) => {
    const length = position - start - guess;
    const size = varintSize(length);
    if (size !== guess) {
      room(size - guess);
      buffer.copyWithin(start + size, start + guess, position);
    }
    position = start;
    putVarint(length);
    position += length;
  };

  const writer: ByteWriter = {
    get position() {
      return position;
    },
    get buffer() {
      return buffer;
    },
    reset(at) {
      room(Math.max(0, at - position));
      position = at;
    },
    bytes(source) {
      room(source.length);
      buffer.set(source, position);
      position += source.length;
    },
    byte(value) {
      room(1);
      buffer[position++] = value;
    },
    varint(value) {
      room(5);
      putVarint(value);
    },
    text(value) {
      const length = value.length;
      room(length * 3 + 5);
      const start = position;
      const guess = varintSize(length);
      position += guess;
      if (length <= 48) {
        // short ASCII is the common case, and a loop is quicker there than a call into the runtime
        let i = 0;
        for (; i < length; i++) {
          const unit = value.charCodeAt(i);
          if (unit > 0x7f) break;
          buffer[position++] = unit;
        }
        if (i === length) {
          position = start;
          putVarint(length);
          position += length;
          return;
        }
        position = start + guess;
      }
      position += buffer.write(value, position, "utf8");
      putLength(start, guess);
    },
    ascii(value) {
      room(value.length * 3);
      const written = buffer.write(value, position, "utf8");
      if (written !== value.length) return false;
      position += written;
      return true;
    },
    framed(write) {
      room(2);
      const start = position;
      position += 2;
      write();
      putLength(start, 2);
    },
    copy: () => Buffer.from(buffer.subarray(0, position)),
  };
  return writer;
}

export function varintSize(value: number): number {
  const zigzag = ((value << 1) ^ (value >> 31)) >>> 0;
  return zigzag < 0x80 ? 1 : zigzag < 0x4000 ? 2 : zigzag < 0x20_0000 ? 3 : zigzag < 0x1000_0000 ? 4 : 5;
}
