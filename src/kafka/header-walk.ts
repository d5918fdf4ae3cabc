/** The headers of a record, whatever they are called. Those of events are found quicker by header-decoder.ts, which knows their names. */
import type { RecordCursor } from "./batch-decoder.ts";

/** Calls back with the places of each name and value. @throws an Error for bytes that are no headers */
export function eachHeader(
  { bytes, headersStart, headerCount, end, offset }: RecordCursor,
  visit: (nameStart: number, nameEnd: number, valueStart: number, valueEnd: number) => void,
): void {
  let at = headersStart;
  const length = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      // also where the bytes are at their end
      if (!(byte > 0x7f)) return (value >>> 1) ^ -(value & 1);
    }
  };
  for (let i = 0; i < headerCount; i++) {
    const nameBytes = length();
    const nameStart = at;
    if (nameBytes < 0 || at + nameBytes > end) throw new Error(`damaged headers at offset ${offset}`);
    at += nameBytes;
    const valueBytes = Math.max(0, length());
    const valueStart = at;
    if (at + valueBytes > end) throw new Error(`damaged headers at offset ${offset}`);
    at += valueBytes;
    visit(nameStart, nameStart + nameBytes, valueStart, at);
  }
}
