/** The headers that the relay gives a record, for contenders that write the same records by other means. */
import { header, metadataHeaders, sourceOf } from "../../src/kafka/headers.ts";
import type { StoredEvent } from "../../src/runtime/ports.ts";

const names = new Map(Object.values(header).map((name) => [name as string, Buffer.from(name)]));
const values = new Map<string, Buffer>();
/** What many records have in common is encoded once, as anybody would who cares. */
function shared(value: string): Buffer {
  const known = values.get(value);
  if (known !== undefined) return known;
  const bytes = Buffer.from(value);
  values.set(value, bytes);
  return bytes;
}

export function headerPairs(event: StoredEvent, logId: string): [Buffer, Buffer][] {
  const pair = (name: string, value: Buffer): [Buffer, Buffer] => [names.get(name)!, value];
  const metadata = JSON.parse(event.metadata) as Readonly<Record<string, string>>;
  return [
    pair(header.specVersion, shared("1.0")),
    pair(header.source, shared(sourceOf(event.log))),
    pair(header.contentType, shared("application/json")),
    pair(header.logId, shared(logId)),
    pair(header.position, Buffer.from(String(event.position))),
    pair(header.id, Buffer.from(event.id)),
    pair(header.type, shared(event.type)),
    pair(header.subject, Buffer.from(event.stream)),
    pair(header.version, shared(String(event.version))),
    pair(header.schemaVersion, shared("1")),
    ...Object.entries(metadata).map(([member, value]) => pair(metadataHeaders.get(member)!, Buffer.from(value))),
  ];
}
