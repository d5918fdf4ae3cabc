/**
 * Documents of an index and rows of the port. The document stands whole under `document`, which the engine stores and does not look into, so whatever is JSON
 * can be kept; what queries need of it is beside: `fields` (the indexed ones), `words` (of the searched ones) and `key`.
 */
import { scalarOf, type Scalar } from "../core/condition.ts";
import type { AnyView, Document } from "../core/definition.ts";
import { searchedWords } from "../core/searched-words.ts";
import type { DocumentRow } from "../runtime/document-store.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import { type IndexedType, indexedTypes } from "./names.ts";

export interface Stored {
  readonly key: string;
  readonly document: Document | null;
  readonly deleted: boolean;
  /** Without those that are null, absent, a list or an object. */
  readonly fields: Readonly<Record<string, Exclude<Scalar, null>>>;
  readonly words?: readonly string[];
  /** By referring field. */
  readonly copied: Readonly<Record<string, number>>;
  readonly tidemark: {
    readonly version: number;
    readonly updated: string;
    readonly seen: Readonly<Record<string, number>>;
    readonly edition: number;
  };
}

/** How rows of an index are written: null for private copies of referenced views, which nobody queries. */
export interface Layout {
  readonly types: ReadonlyMap<string, IndexedType>;
  readonly search: AnyView["search"];
  readonly referring: readonly string[];
}

export const layoutOf = (view: AnyView | null): Layout =>
  view === null
    ? { types: new Map(), search: undefined, referring: [] }
    : { types: indexedTypes(view), search: view.search, referring: Object.keys(view.references) };

export function mappingOf({ types, search, referring }: Layout): Record<string, unknown> {
  const properties = (entries: readonly (readonly [string, string])[]) => ({
    dynamic: "strict",
    properties: Object.fromEntries(entries.map(([field, type]) => [field, { type }])),
  });
  return {
    dynamic: "strict",
    properties: {
      key: { type: "keyword" },
      document: { type: "object", enabled: false },
      deleted: { type: "boolean" },
      fields: properties([...types]),
      ...(search === undefined ? {} : { words: { type: "keyword", doc_values: false } }),
      copied: properties(referring.map((field) => [field, "long"])),
      tidemark: { type: "object", enabled: false },
    },
  };
}

/** Lucene's limit of one indexed value, in bytes. */
const maxIndexedBytes = 32_766;
/** What clients refuse to read, for what careless code may make of it. */
const poisoned = /"__proto__"\s*:|"constructor"\s*:\s*\{[^}]*"prototype"/;

/** The two lines of a bulk request that store a row over any older edition of it, or why no index can hold it. */
export function encode(layout: Layout, row: DocumentRow): { readonly lines: string } | { readonly refused: string } {
  const { key, document } = row;
  const fields: Record<string, Exclude<Scalar, null>> = {};
  for (const [field, type] of layout.types) {
    const value = scalarOf(document?.[field]);
    if (value === null) continue;
    const problem = unfit(type, value);
    if (problem !== undefined) return { refused: `the field '${field}' is indexed, and ${problem}` };
    fields[field] = value;
  }
  const stored: Stored = {
    key,
    document,
    deleted: document === null,
    fields,
    ...(layout.search === undefined || document === null ? {} : { words: searchedWords(layout.search, document) }),
    copied: row.copied,
    tidemark: { version: row.version, updated: row.lastUpdated, seen: row.seen, edition: row.edition },
  };
  const source = JSON.stringify(stored);
  if (poisoned.test(source))
    return { refused: "clients of the search engine do not read objects with a member '__proto__', or 'constructor' with a 'prototype'" };
  const action = JSON.stringify({ index: { _id: key, version: row.edition, version_type: "external" } });
  return { lines: `${action}\n${source}\n` };
}

/** Whether a value is of its field's type, by which it is compared. */
export const isOfType = (type: IndexedType, value: unknown): boolean =>
  typeof value === (type === "keyword" ? "string" : type === "double" ? "number" : "boolean");

function unfit(type: IndexedType, value: Exclude<Scalar, null>): string | undefined {
  if (!isOfType(type, value)) return `holds a ${typeof value} where its schema says ${type === "keyword" ? "text" : type}`;
  // no character takes more than three bytes for each UTF-16 unit
  if (typeof value === "string" && value.length * 3 > maxIndexedBytes && Buffer.byteLength(value) > maxIndexedBytes)
    return `holds more than ${maxIndexedBytes} bytes`;
  return undefined;
}

export function decode({ key, document, copied, tidemark }: Stored): DocumentRow {
  const { version, updated, seen, edition } = tidemark;
  return { key, document, version, lastUpdated: updated, seen, copied, edition };
}

/** Of a row that holds a document. */
export const storedDocument = ({ document, tidemark }: Stored): StoredDocument => ({
  document: document!,
  version: tidemark.version,
  lastUpdated: tidemark.updated,
});
