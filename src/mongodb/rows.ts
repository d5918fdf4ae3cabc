/** Documents of a collection and rows of the port. A document's own fields stand at the top, for queries of one's own; all else is under `_tidemark`. */
import type { Document as MongoDocument, Filter } from "mongodb";
import { scalarOf } from "../core/condition.ts";
import type { Document } from "../core/definition.ts";
import type { DocumentRow } from "../runtime/document-store.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import { meta } from "./names.ts";

interface Meta {
  readonly version: number;
  readonly updated: string;
  /** [source, position]: names of logs may hold what field names should not. */
  readonly seen: readonly (readonly [string, number])[];
  readonly copied: Readonly<Record<string, number>>;
  readonly edition: number;
  readonly deleted: boolean;
  /** Of indexed fields: 1 where the field is null, absent or no plain value, which comes after every value. */
  readonly none: Readonly<Record<string, 0 | 1>>;
  /** Of the storage's own document alone. */
  readonly storage?: string;
}

export interface Stored extends MongoDocument {
  readonly _id: string;
  readonly [meta]: Meta;
}

/** Of a collection's own document, so that its id goes with the documents. No key of a document is an object. */
export const storageKey = { tidemark: "storage" };
export const storageRow = { _id: storageKey } as unknown as Filter<Stored>;
export const isStorageRow = (stored: Stored): boolean => stored[meta].storage !== undefined;

export function encode(indexed: readonly string[], row: DocumentRow): Stored {
  const { document } = row;
  return {
    ...document,
    _id: row.key,
    [meta]: {
      version: row.version,
      updated: row.lastUpdated,
      seen: Object.entries(row.seen),
      copied: row.copied,
      edition: row.edition,
      deleted: document === null,
      none: Object.fromEntries(indexed.map((field) => [field, scalarOf(document?.[field]) === null ? 1 : 0])),
    },
  };
}

function split({ _id: _, [meta]: own, ...document }: Stored): { readonly own: Meta; readonly document: Document } {
  return { own, document };
}

export function decode(stored: Stored): DocumentRow {
  const { own, document } = split(stored);
  return {
    key: stored._id,
    document: own.deleted ? null : document,
    version: own.version,
    lastUpdated: own.updated,
    seen: Object.fromEntries(own.seen),
    copied: own.copied,
    edition: own.edition,
  };
}

export function storedDocument(stored: Stored): StoredDocument {
  const { own, document } = split(stored);
  return { document, version: own.version, lastUpdated: own.updated };
}
