/**
 * What lies in a view's topic. A document: key = its key, value = its JSON, null where it is deleted. The last record of each transaction says how far the
 * log is folded into everything before it; its key is one that no document can have.
 */
import { TidemarkError } from "../errors.ts";
import { type AbortedTransaction, RecordCursor } from "./batch-decoder.ts";
import { encodeHeaders, type HeaderName, headerName, type RecordToWrite } from "./batch-encoder.ts";
import { eachHeader } from "./header-walk.ts";
import { header } from "./headers.ts";
import { utf8 } from "./record-text.ts";

export interface TopicDocument {
  /** JSON; null: deleted. */
  readonly text: string | null;
  readonly version: number;
  readonly lastUpdated: string;
}

export interface TopicCheckpoint {
  readonly position: number;
  readonly eventId: string | null;
  readonly logId: string | null;
}

export const atStart: TopicCheckpoint = { position: 0, eventId: null, logId: null };

export interface TopicSink {
  document(key: string, document: TopicDocument): void;
  /** Of everything before it. */
  checkpoint(checkpoint: TopicCheckpoint): void;
}

export interface TopicLabel {
  readonly view: string;
  /** The declared version of its definition. */
  readonly version: number;
  readonly generation: number;
  readonly log: string;
  readonly topic: string;
}

/** A document's key holds no U+0000. */
const checkpointKey = "\0checkpoint";
const names = {
  id: headerName(header.id),
  time: headerName(header.time),
  position: headerName(header.position),
  version: headerName(header.version),
};

export interface RecordMaker {
  /** `eventId`, `position`: of the last event folded into it. */
  document(key: string, document: TopicDocument, eventId: string, position: number): RecordToWrite;
  checkpoint(partition: number, checkpoint: TopicCheckpoint): RecordToWrite;
}

/** What is the same in all records is encoded once. */
export function topicRecordMaker({ view, version: declared, generation, log }: TopicLabel): RecordMaker {
  const fixed = (type: string) =>
    encodeHeaders([
      [header.specVersion, "1.0"],
      [header.source, `tidemark/views/${view}`],
      [header.type, type],
      [header.contentType, "application/json"],
    ]);
  const updated = fixed(`${view}.updated`);
  const deleted = fixed(`${view}.deleted`);
  const applied = fixed(`${view}.checkpoint`);
  return {
    document(key, { text, version, lastUpdated }, eventId, position) {
      const headers: (HeaderName | string)[] = [names.id, eventId, names.position, String(position)];
      if (text !== null) headers.push(names.time, lastUpdated, names.version, String(version));
      return { key, value: text, fixedHeaders: text === null ? deleted : updated, headers };
    },
    checkpoint: (partition, { position, eventId, logId }) => ({
      key: checkpointKey,
      value: JSON.stringify({ view, version: declared, generation, log, partition, position, eventId, logId }),
      fixedHeaders: applied,
      headers: [names.id, `${generation}/${partition}/${position}`],
    }),
  };
}

/** Each committed record of a fetch from `from` on. @throws VIEW_STORE_DIVERGED for a record that no worker of this generation wrote */
export function readTopicRecords(
  bytes: Buffer,
  from: number,
  aborted: readonly AbortedTransaction[],
  { view, version: declared, generation, topic }: TopicLabel,
  sink: TopicSink,
): void {
  const foreign = (offset: number) =>
    new TidemarkError("VIEW_STORE_DIVERGED", {
      view,
      generation,
      store: `topic ${topic} (a record that is not its own, offset ${offset})`,
    });
  const records = new RecordCursor(bytes, from, aborted);
  const found = { position: "", time: "", version: "" };
  while (records.next()) {
    const { bytes: of, keyStart, keyEnd, valueStart, valueEnd, offset } = records;
    if (keyEnd < 0) throw foreign(offset);
    const key = utf8(of, keyStart, keyEnd);
    if (key === checkpointKey) {
      if (valueEnd < 0) throw foreign(offset);
      const checkpoint = JSON.parse(utf8(of, valueStart, valueEnd)) as TopicCheckpoint & Omit<TopicLabel, "topic">;
      if (checkpoint.view !== view || checkpoint.version !== declared || checkpoint.generation !== generation) throw foreign(offset);
      const { position, eventId, logId } = checkpoint;
      sink.checkpoint({ position, eventId, logId });
      continue;
    }
    readHeaders(records, found);
    if (found.position === "" || (valueEnd >= 0 && found.version === "")) throw foreign(offset);
    sink.document(key, {
      text: valueEnd < 0 ? null : utf8(of, valueStart, valueEnd),
      version: Number(found.version),
      lastUpdated: found.time,
    });
  }
}

const lengths = { position: header.position.length, time: header.time.length, version: header.version.length };

function readHeaders(cursor: RecordCursor, found: { position: string; time: string; version: string }): void {
  const { bytes } = cursor;
  found.position = found.time = found.version = "";
  eachHeader(cursor, (nameStart, nameEnd, valueStart, valueEnd) => {
    const nameBytes = nameEnd - nameStart;
    // others are told by their length alone
    if (nameBytes !== lengths.position && nameBytes !== lengths.time && nameBytes !== lengths.version) return;
    const name = utf8(bytes, nameStart, nameEnd);
    if (name === header.position) found.position = utf8(bytes, valueStart, valueEnd);
    else if (name === header.time) found.time = utf8(bytes, valueStart, valueEnd);
    else if (name === header.version) found.version = utf8(bytes, valueStart, valueEnd);
  });
}
