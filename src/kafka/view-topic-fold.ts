/** Folds a batch over the documents of a partition: what each of its keys becomes, as text. */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { blaming, foldEvents, handlerFailed, nothing, touchedBy } from "../runtime/fold-batch.ts";
import type { TopicDocument } from "./view-topic-records.ts";

export interface FoldedDocument {
  readonly key: string;
  readonly document: TopicDocument;
  readonly last: LogEvent;
}

/** What headers, lengths and the batch take beside key and value, at most. */
const framingBytes = 2_048;

/** The same rule as for the other stores, so that a view can move between them. */
function checkKey(key: string): void {
  if (typeof key !== "string") throw new Error(`a key is a string, found ${typeof key}`);
  if (key.includes("\0") || !key.isWellFormed()) throw new Error("the key holds U+0000 or half of a surrogate pair");
  if (key === "" || Buffer.byteLength(key) > 512) throw new Error("the key is empty or takes more than 512 bytes");
}

/** Without those that neither were nor are. @throws HANDLER_FAILED */
export function foldDocuments(
  view: AnyView,
  events: readonly LogEvent[],
  stored: ReadonlyMap<string, TopicDocument>,
  maxRecordBytes: number,
): readonly FoldedDocument[] {
  const folded: FoldedDocument[] = [];
  for (const [key, own] of touchedBy(view, events, view.name, checkKey)) {
    const before = stored.get(key);
    const current =
      before === undefined
        ? nothing
        : { document: JSON.parse(before.text!) as Document, version: before.version, updated: before.lastUpdated };
    const { document, version, updated } = foldEvents(view, key, own, current, view.name);
    if (document === null && before === undefined) continue;
    const last = own.at(-1)!;
    const text = document === null ? null : blaming(view.name, last, () => JSON.stringify(document));
    if (text !== null && tooLarge(key, text, maxRecordBytes)) {
      const problem = `Kafka refuses the document: it takes ${Buffer.byteLength(text)} bytes, and the topic's max.message.bytes leaves ${maxRecordBytes - framingBytes}`;
      throw handlerFailed(view.name, last, new Error(problem));
    }
    folded.push({ key, document: { text, version, lastUpdated: updated }, last });
  }
  return folded;
}

const tooLarge = (key: string, text: string, maxRecordBytes: number): boolean => {
  const limitBytes = maxRecordBytes - framingBytes - Buffer.byteLength(key);
  // no character takes more than three bytes
  return text.length * 3 > limitBytes && Buffer.byteLength(text) > limitBytes;
};
