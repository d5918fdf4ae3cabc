/** A stored event as a Kafka record: key = stream, value = the data as stored, byte for byte. */
import type { StoredEvent } from "../runtime/ports.ts";
import { encodeHeaders, type HeaderName, headerName, type RecordToWrite } from "./batch-encoder.ts";
import { header, metadataHeaders, sourceOf } from "./headers.ts";

const names = Object.fromEntries(Object.values(header).map((name) => [name, headerName(name)])) as Record<string, HeaderName>;
const ownHeaders = new Map([...metadataHeaders].map(([member, name]) => [member, names[name]!]));

/** Makes records of one log; what is the same in all of them is encoded once. */
export function recordMaker(log: string, logId: string): (event: StoredEvent) => RecordToWrite {
  const fixedHeaders = encodeHeaders([
    [header.specVersion, "1.0"],
    [header.source, sourceOf(log)],
    [header.contentType, "application/json"],
    [header.logId, logId],
  ]);
  return (event) => {
    const headers: (HeaderName | string)[] = [
      names[header.position]!,
      String(event.position),
      names[header.id]!,
      event.id,
      names[header.type]!,
      event.type,
      names[header.subject]!,
      event.stream,
      names[header.version]!,
      String(event.version),
      names[header.schemaVersion]!,
      String(event.schemaVersion),
    ];
    const metadata = JSON.parse(event.metadata) as Record<string, unknown>;
    let rest: Record<string, unknown> | undefined;
    for (const member of Object.keys(metadata)) {
      const value = metadata[member];
      const name = ownHeaders.get(member);
      if (name !== undefined && typeof value === "string") headers.push(name, value);
      else {
        rest ??= Object.create(null) as Record<string, unknown>;
        rest[member] = value;
      }
    }
    if (rest !== undefined) headers.push(names[header.rest]!, JSON.stringify(rest));
    return { key: event.stream, value: event.data, fixedHeaders, headers };
  };
}

const uuidBytes = 36;
const numberBytes = 16;
/** Lengths, names and the values that are the same for all, of every header there is. */
const headerBytes =
  Object.values(header).reduce((sum, name) => sum + name.length + 10, 0) +
  "1.0".length +
  "application/json".length +
  uuidBytes +
  3 * numberBytes;

/**
 * An upper bound of what the record of an event takes (key, value and headers), known before the event has a position:
 * to be held against `LogWriter.maxRecordBytes` before the commit, so that the relay never meets an event that it cannot send.
 */
export function recordBytes(event: Pick<StoredEvent, "log" | "stream" | "type" | "id" | "data" | "metadata">): number {
  return (
    headerBytes +
    Buffer.byteLength(event.stream) * 2 +
    Buffer.byteLength(event.data) +
    Buffer.byteLength(event.metadata) +
    Buffer.byteLength(event.type) +
    event.id.length * 3 +
    Buffer.byteLength(sourceOf(event.log))
  );
}
