/** Records as anybody may have written them: key, value and headers as bytes, none of them trusted. */
import type { CommandRecord } from "../runtime/command-ports.ts";
import { type AbortedTransaction, RecordCursor } from "./batch-decoder.ts";
import { eachHeader } from "./header-walk.ts";
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

function headersOf(cursor: RecordCursor): (readonly [string, Uint8Array])[] {
  const { bytes, view } = cursor;
  const headers: (readonly [string, Uint8Array])[] = [];
  eachHeader(cursor, (nameStart, nameEnd, valueStart, valueEnd) => {
    headers.push([names.text(bytes, view, nameStart, nameEnd), bytes.subarray(valueStart, valueEnd)]);
  });
  return headers;
}
