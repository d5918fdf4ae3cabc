/** A stored event as readers get it: decoded once, the same from the events table as from Kafka (I8). */
import type { LogEvent, Metadata } from "../core/message.ts";
import type { StoredEvent } from "./ports.ts";

export function toLogEvent(stored: StoredEvent): LogEvent {
  const metadata = JSON.parse(stored.metadata) as Metadata;
  return {
    log: stored.log,
    partition: stored.partition,
    position: stored.position,
    stream: stored.stream,
    version: stored.version,
    type: stored.type,
    schemaVersion: stored.schemaVersion,
    id: stored.id,
    time: metadata.time,
    data: JSON.parse(stored.data) as unknown,
    metadata,
  };
}
