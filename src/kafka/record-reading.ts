/** A Kafka record as the event it carries: the very same LogEvent that the write store gives (I8). */
import type { LogEvent, Metadata } from "../core/message.ts";
import { TidemarkError } from "../errors.ts";
import type { RecordView } from "./batch-decoder.ts";
import { eachHeader } from "./header-decoder.ts";
import { header, metadataHeaders } from "./headers.ts";

/** Where an event stands, read without its data. */
export interface Place {
  readonly position: number;
  readonly id: string;
  readonly logId: string;
}

export interface ReadRecord extends Place {
  readonly offset: number;
  readonly event: LogEvent;
}

const memberOf = new Map([...metadataHeaders].map(([member, name]) => [name, member]));
const wholeNumber = /^[1-9]\d{0,15}$/;

/**
 * Reads where a record stands in the log. @throws LOG_DIVERGED for a record without our headers, or of another log id than `logId` (null: any)
 */
export function readPlace(log: string, partition: number, record: RecordView, logId: string | null): Place {
  let position: string | null = null;
  let id: string | null = null;
  let found: string | null = null;
  eachHeader(record.headers, (name, value) => {
    if (name === header.position) position = value;
    else if (name === header.id) id = value;
    else if (name === header.logId) found = value;
  });
  return place(log, partition, record.offset, position, id, found, logId);
}

/** @throws LOG_DIVERGED for a record that is not an event of this log */
export function readRecord(log: string, partition: number, record: RecordView, logId: string | null): ReadRecord {
  let position: string | null = null;
  let id: string | null = null;
  let found: string | null = null;
  let type: string | null = null;
  let version: string | null = null;
  let schemaVersion: string | null = null;
  let rest: string | null = null;
  const metadata: Record<string, unknown> = {};
  eachHeader(record.headers, (name, value) => {
    switch (name) {
      case header.position:
        position = value;
        break;
      case header.id:
        id = value;
        break;
      case header.logId:
        found = value;
        break;
      case header.type:
        type = value;
        break;
      case header.version:
        version = value;
        break;
      case header.schemaVersion:
        schemaVersion = value;
        break;
      case header.rest:
        rest = value;
        break;
      default: {
        const member = memberOf.get(name);
        if (member !== undefined) metadata[member] = value;
      }
    }
  });
  const json = (text: string): unknown => {
    try {
      return JSON.parse(text);
    } catch (cause) {
      throw new TidemarkError(
        "LOG_DIVERGED",
        { log, partition, problem: `the record at offset ${record.offset} of partition ${partition} is not JSON` },
        { cause },
      );
    }
  };
  const at = place(log, partition, record.offset, position, id, found, logId);
  if (rest !== null)
    for (const [member, value] of Object.entries(json(rest) as object))
      Object.defineProperty(metadata, member, { value, enumerable: true, configurable: true, writable: true });
  if (type === null || version === null || schemaVersion === null || record.key === null || record.value === null)
    throw foreign(log, partition, record.offset);
  return {
    offset: record.offset,
    ...at,
    event: {
      log,
      partition,
      position: at.position,
      stream: record.key.toString(),
      version: Number(version),
      type,
      schemaVersion: Number(schemaVersion),
      id: at.id,
      time: metadata["time"] as string,
      data: json(record.value.toString()),
      metadata: metadata as unknown as Metadata,
    },
  };
}

function place(
  log: string,
  partition: number,
  offset: number,
  position: string | null,
  id: string | null,
  found: string | null,
  logId: string | null,
): Place {
  if (position === null || id === null || found === null || !wholeNumber.test(position)) throw foreign(log, partition, offset);
  if (logId !== null && found !== logId) {
    throw new TidemarkError("LOG_DIVERGED", {
      log,
      partition,
      problem: `the record at offset ${offset} of partition ${partition} is of log id ${found}, expected ${logId}`,
    });
  }
  return { position: Number(position), id, logId: found };
}

const foreign = (log: string, partition: number, offset: number) =>
  new TidemarkError("LOG_DIVERGED", {
    log,
    partition,
    problem: `the record at offset ${offset} of partition ${partition} was not written by Tidemark: it lacks its headers`,
  });
