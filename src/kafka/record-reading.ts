/** A Kafka record as the event it carries: the very same LogEvent that the write store gives (I8). */
import type { LogEvent, Metadata } from "../core/message.ts";
import { TidemarkError } from "../errors.ts";
import type { RecordCursor } from "./batch-decoder.ts";
import { HeaderPlaces, slot } from "./header-decoder.ts";
import { header, metadataHeaders } from "./headers.ts";
import { sameBytes, TextCache, utf8 } from "./record-text.ts";

const slotOfHeader = new Map(Object.entries(header).map(([key, name]) => [name as string, slot[key as keyof typeof header]]));
const members = [...metadataHeaders].map(([member, name]) => ({ member, slot: slotOfHeader.get(name)! }));
/** Those that not every event has. */
const others = members.filter(({ slot: s }) => ![slot.time, slot.commandId, slot.correlationId, slot.causationId].includes(s));

const zero = 0x30;
const nine = 0x39;

/**
 * Reads the records of one partition, one at a time: first where the event stands, then, where that is wanted, the event.
 * What repeats from record to record is decoded once.
 */
export class RecordReader {
  /** Of the record whose place was read last. */
  position = 0;
  id = "";
  logId = "";
  readonly #log: string;
  readonly #partition: number;
  readonly #places = new HeaderPlaces();
  readonly #words = new TextCache(64);
  readonly #streams = new TextCache(512);

  constructor(log: string, partition: number) {
    this.#log = log;
    this.#partition = partition;
  }

  /**
   * Reads where a record stands in the log.
   * @param logId another one is refused; null: any
   * @throws LOG_DIVERGED for a record without our headers, or of another log id
   */
  place(record: RecordCursor, logId: string | null): void {
    const places = this.#places;
    places.find(record);
    const position = this.#digits(record, slot.position);
    const idEnd = places.ends[slot.id]!;
    const found = this.#text(record, slot.logId);
    if (position === null || idEnd < 0 || found === null) throw this.#foreign(record);
    if (logId !== null && found !== logId) {
      throw new TidemarkError("LOG_DIVERGED", {
        log: this.#log,
        partition: this.#partition,
        problem: `the record at offset ${record.offset} of partition ${this.#partition} is of log id ${found}, expected ${logId}`,
      });
    }
    this.position = position;
    this.id = utf8(record.bytes, places.starts[slot.id]!, idEnd);
    this.logId = found;
  }

  /** The event of the record whose place was read last. @throws LOG_DIVERGED for a record that is not an event of this log */
  event(record: RecordCursor): LogEvent {
    const { bytes, view } = record;
    const type = this.#text(record, slot.type);
    const version = this.#number(record, slot.version);
    const schemaVersion = this.#number(record, slot.schemaVersion);
    const metadata = this.#metadata(record);
    if (type === null || version === null || schemaVersion === null || record.keyEnd < 0 || record.valueEnd < 0)
      throw this.#foreign(record);
    return {
      log: this.#log,
      partition: this.#partition,
      position: this.position,
      stream: this.#streams.text(bytes, view, record.keyStart, record.keyEnd),
      version,
      type,
      schemaVersion,
      id: this.id,
      time: metadata.time,
      data: this.#json(record, record.valueStart, record.valueEnd),
      metadata,
    };
  }

  #metadata(record: RecordCursor): Metadata {
    const { starts, ends } = this.#places;
    let metadata: Metadata;
    if (ends[slot.time]! >= 0 && ends[slot.commandId]! >= 0 && ends[slot.correlationId]! >= 0 && ends[slot.causationId]! >= 0) {
      const commandId = this.#text(record, slot.commandId)!;
      metadata = {
        time: this.#text(record, slot.time)!,
        commandId,
        correlationId: this.#same(record, slot.correlationId, slot.commandId) ? commandId : this.#text(record, slot.correlationId)!,
        causationId: this.#same(record, slot.causationId, slot.commandId) ? commandId : this.#text(record, slot.causationId)!,
      };
      for (let i = 0; i < others.length; i++) {
        const other = others[i]!;
        if (ends[other.slot] !== -1) (metadata as unknown as Record<string, unknown>)[other.member] = this.#text(record, other.slot);
      }
    } else {
      const some: Record<string, unknown> = {};
      for (const { member, slot: s } of members) if (ends[s] !== -1) some[member] = this.#text(record, s);
      metadata = some as unknown as Metadata;
    }
    const restEnd = ends[slot.rest]!;
    if (restEnd >= 0) {
      const rest = this.#json(record, starts[slot.rest]!, restEnd);
      for (const [member, value] of Object.entries(rest as object))
        Object.defineProperty(metadata, member, { value, enumerable: true, configurable: true, writable: true });
    }
    return metadata;
  }

  /** null: no such header, or none with a value. */
  #text({ bytes, view }: RecordCursor, s: number): string | null {
    const end = this.#places.ends[s]!;
    return end < 0 ? null : this.#words.text(bytes, view, this.#places.starts[s]!, end);
  }

  #same({ view }: RecordCursor, a: number, b: number): boolean {
    const { starts, ends } = this.#places;
    const length = ends[a]! - starts[a]!;
    return length === ends[b]! - starts[b]! && sameBytes(view, starts[a]!, starts[b]!, length);
  }

  /** null where it is none of 1, 2, 3 … with at most 16 digits. */
  #digits({ bytes }: RecordCursor, s: number): number | null {
    const start = this.#places.starts[s]!;
    const end = this.#places.ends[s]!;
    if (end <= start || end - start > 16 || bytes[start] === zero) return null;
    let value = 0;
    for (let i = start; i < end; i++) {
      const byte = bytes[i]!;
      if (byte < zero || byte > nine) return null;
      value = value * 10 + (byte - zero);
    }
    return value;
  }

  #number(record: RecordCursor, s: number): number | null {
    const digits = this.#digits(record, s);
    if (digits !== null) return digits;
    const text = this.#text(record, s);
    return text === null ? null : Number(text);
  }

  #json(record: RecordCursor, start: number, end: number): unknown {
    try {
      return JSON.parse(utf8(record.bytes, start, end));
    } catch (cause) {
      throw new TidemarkError(
        "LOG_DIVERGED",
        {
          log: this.#log,
          partition: this.#partition,
          problem: `the record at offset ${record.offset} of partition ${this.#partition} is not JSON`,
        },
        { cause },
      );
    }
  }

  #foreign(record: RecordCursor): TidemarkError {
    return new TidemarkError("LOG_DIVERGED", {
      log: this.#log,
      partition: this.#partition,
      problem: `the record at offset ${record.offset} of partition ${this.#partition} was not written by Tidemark: it lacks its headers`,
    });
  }
}
