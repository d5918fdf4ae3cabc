/** Records as anybody may have written them: key, value and headers as bytes, none of them trusted. */
import type { CommandRecord } from "../runtime/command-ports.ts";
import { type AbortedTransaction, RecordCursor } from "./batch-decoder.ts";
import { TextCache } from "./record-text.ts";

/** Names of headers are the same from record to record. */
const names = new TextCache(64);

/** All records of a fetch from `from` on, views on its bytes. @throws an Error for bytes that are no records */
export function plainRecords(bytes: Buffer, from: number, partition: number, aborted: readonly AbortedTransaction[] = []): CommandRecord[] {
  const cursor = new RecordCursor(bytes, from, aborted);
  const found: CommandRecord[] = [];
  while (cursor.next()) {
    found.push({
      partition,
      offset: cursor.offset,
      key: cursor.keyEnd < 0 ? null : cursor.bytes.subarray(cursor.keyStart, cursor.keyEnd),
      value: cursor.valueEnd < 0 ? null : cursor.bytes.subarray(cursor.valueStart, cursor.valueEnd),
      headers: headersOf(cursor),
    });
  }
  return found;
}

function headersOf({ bytes, view, headersStart, headerCount, end, offset }: RecordCursor): (readonly [string, Uint8Array])[] {
  const headers: (readonly [string, Uint8Array])[] = [];
  let at = headersStart;
  const length = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes[at++]!;
      value |= (byte & 0x7f) << shift;
      if (!(byte > 0x7f)) return (value >>> 1) ^ -(value & 1);
    }
  };
  for (let i = 0; i < headerCount; i++) {
    const nameBytes = length();
    const nameStart = at;
    if (nameBytes < 0 || at + nameBytes > end) throw new Error(`damaged headers at offset ${offset}`);
    at += nameBytes;
    const valueBytes = Math.max(0, length());
    if (at + valueBytes > end) throw new Error(`damaged headers at offset ${offset}`);
    headers.push([names.text(bytes, view, nameStart, nameStart + nameBytes), bytes.subarray(at, at + valueBytes)]);
    at += valueBytes;
  }
  return headers;
}
