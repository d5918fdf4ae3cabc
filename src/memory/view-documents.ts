/** The documents of one generation. Copied fields are filled in when a document is read, so they are always those of the current referenced document. */
import type { AnyView, Document } from "../core/definition.ts";
import type { LogEvent } from "../core/message.ts";
import { fillReferences } from "../core/reference.ts";
import { contributionOf } from "../core/rollup-contribution.ts";
import { groupsOf } from "../core/rollup-groups.ts";
import { rowsOf } from "../core/rollup-rules.ts";
import { TidemarkError } from "../errors.ts";
import type { StoredDocument } from "../runtime/ports.ts";

interface Row {
  /** JSON text, without copied fields. null: deleted, kept for what its key has counted. */
  readonly own: string | null;
  readonly version: number;
  readonly lastUpdated: string;
}

type Rows = Map<string, Row>;

export interface Documents {
  readonly own: Rows;
  /** By the name of the referenced view. */
  readonly referenced: Map<string, Rows>;
}

export const documents = (): Documents => ({ own: new Map(), referenced: new Map() });

const parsed = (row: Row | undefined): Document | null =>
  row === undefined || row.own === null ? null : (JSON.parse(row.own) as Document);

/** The whole document. */
export function read(view: AnyView, stored: Documents, key: string): StoredDocument | undefined {
  const row = stored.own.get(key);
  const own = parsed(row);
  return row === undefined || own === null
    ? undefined
    : { document: filled(view, own, stored.referenced), version: row.version, lastUpdated: row.lastUpdated };
}

/** All documents by key; of a rollup: its groups. */
export function readAll(view: AnyView, stored: Documents): ReadonlyMap<string, StoredDocument> {
  const rows = new Map(
    [...stored.own.keys()].flatMap((key): [string, StoredDocument][] => {
      const document = read(view, stored, key);
      return document === undefined ? [] : [[key, document]];
    }),
  );
  return view.rollup === undefined ? rows : groupsOf(view.rollup, rows.values());
}

const filled = (view: AnyView, own: Document, referenced: ReadonlyMap<string, ReadonlyMap<string, Row>>): Document =>
  fillReferences(view, own, (field, key) => parsed(referenced.get(view.references[field]!.view.name)?.get(key)));

interface Change {
  readonly document: Document | null;
  readonly version: number;
  readonly lastUpdated: string;
  /** The event to blame. */
  readonly last: LogEvent;
}

/**
 * Folds a batch; nothing changes before the returned function is called.
 * @throws HANDLER_FAILED naming the event at fault
 */
export function foldBatch(view: AnyView, stored: Documents, events: readonly LogEvent[]): () => void {
  const own = changes(rowsOf(view), stored.own, events, view);
  const referencedViews = new Map(Object.values(view.references).map((reference) => [reference.view.name, reference.view]));
  const others = new Map(
    [...referencedViews].map(([name, of]) => [name, changes(of, stored.referenced.get(name) ?? new Map<string, Row>(), events, view)]),
  );
  const after = new Map(
    [...referencedViews.keys()].map((name) => [name, written(stored.referenced.get(name) ?? new Map<string, Row>(), others.get(name)!)]),
  );
  // copies are made when they are read, but what cannot be made fails now
  for (const { document, last } of own.values()) if (document !== null) blaming(view, last, () => filled(view, document, after));
  for (const reference of Object.values(view.references)) {
    for (const [key, { document, last }] of others.get(reference.view.name)!) blaming(view, last, () => reference.fields(document, key));
  }
  // groups are computed when they are read, but what cannot be measured fails now
  const { rollup } = view;
  if (rollup !== undefined)
    for (const { document, last } of own.values()) if (document !== null) blaming(view, last, () => contributionOf(rollup, document));
  return () => {
    writeTo(stored.own, own);
    for (const [name, rows] of after) stored.referenced.set(name, rows);
  };
}

/** Texts that databases cannot keep. */
function checkedKey(key: string): string {
  if (key.includes("\0") || !key.isWellFormed()) throw new Error("the key holds U+0000 or half of a surrogate pair");
  return key;
}

function changes(of: AnyView, rows: ReadonlyMap<string, Row>, events: readonly LogEvent[], failing: AnyView): Map<string, Change> {
  const changed = new Map<string, Change>();
  const load = (key: string) => {
    const row = rows.get(key);
    return row === undefined
      ? { document: null, version: 0, lastUpdated: "" }
      : { document: parsed(row), version: row.version, lastUpdated: row.lastUpdated };
  };
  for (const event of events) {
    if (!of.handles(event)) continue;
    for (const key of blaming(failing, event, () => of.keys(event).map(checkedKey))) {
      const before = changed.get(key) ?? load(key);
      const document = blaming(failing, event, () => {
        const made = of.fold(before.document, event, key);
        // what is no JSON shows here, with the event that made it
        return made === null ? null : (JSON.parse(JSON.stringify(made)) as Document);
      });
      const version = of.keyed === "stream" ? event.version : before.version + 1;
      const lastUpdated = of.keyed === "stream" || event.time > before.lastUpdated ? event.time : before.lastUpdated;
      changed.set(
        key,
        document === null && of.keyed === "stream"
          ? { document, version: 0, lastUpdated: "", last: event }
          : { document, version, lastUpdated, last: event },
      );
    }
  }
  return changed;
}

function writeTo(rows: Rows, changed: ReadonlyMap<string, Change>): void {
  for (const [key, { document, version, lastUpdated }] of changed) {
    if (document === null && version === 0) rows.delete(key);
    else rows.set(key, { own: document === null ? null : JSON.stringify(document), version, lastUpdated });
  }
}

function written(rows: ReadonlyMap<string, Row>, changed: ReadonlyMap<string, Change>): Rows {
  const copy = new Map(rows);
  writeTo(copy, changed);
  return copy;
}

function blaming<T>(view: AnyView, event: LogEvent, work: () => T): T {
  try {
    return work();
  } catch (cause) {
    const { type, log, partition, position } = event;
    throw new TidemarkError(
      "HANDLER_FAILED",
      { view: view.name, type, log, partition, position, problem: cause instanceof Error ? cause.message : String(cause) },
      { cause },
    );
  }
}
