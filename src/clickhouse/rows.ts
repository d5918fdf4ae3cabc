/** Rows of a table and rows of the port. */
import type { Document } from "../core/definition.ts";
import type { DocumentRow } from "../runtime/document-store.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import type { Cell } from "./sql.ts";

/**
 * Before the columns of the view. A key has one row that counts: the one that has seen most (`_seen`). What has seen the same is the same, so no late
 * writing of an old worker changes anything.
 */
export const ownColumns = [
  "_key String codec(ZSTD(1))",
  "_doc String codec(ZSTD(1))",
  "_deleted Bool",
  "_version UInt64",
  "_updated String codec(ZSTD(1))",
  "_seen UInt64",
  "_source LowCardinality(String)",
  "_edition UInt64",
] as const;

export const ownNames: readonly string[] = ownColumns.map((column) => column.split(" ", 1)[0]!);

/** In the order of `ownColumns`. @throws Error where several partitions write the key: no accepted view lets them */
export function ownCells(row: DocumentRow): Cell[] {
  const [seen, ...others] = Object.entries(row.seen);
  if (seen === undefined || others.length > 0)
    throw new Error(
      `The key '${row.key}' has seen ${others.length === 0 ? "no partition" : "several partitions"}; ClickHouse keeps rows of one`,
    );
  const { key, document, version, lastUpdated, edition } = row;
  return [key, document === null ? "" : JSON.stringify(document), document === null, version, lastUpdated, seen[1], seen[0], edition];
}

export const rowSelection = "_key, _doc, _deleted, _version, _updated, _seen, _source, _edition";
/** 64-bit numbers come quoted or not, as the server is set. */
export type RowAnswer = readonly [string, string, boolean, number | string, string, number | string, string, number | string];

export const decodeRow = ([key, document, deleted, version, lastUpdated, seen, source, edition]: RowAnswer): DocumentRow => ({
  key,
  document: deleted ? null : (JSON.parse(document) as Document),
  version: Number(version),
  lastUpdated,
  seen: { [source]: Number(seen) },
  copied: {},
  edition: Number(edition),
});

export const documentSelection = "_key, _doc, _version, _updated";
export type DocumentAnswer = readonly [string, string, number | string, string];

export const decodeDocument = ([, document, version, lastUpdated]: DocumentAnswer): StoredDocument => ({
  document: JSON.parse(document) as Document,
  version: Number(version),
  lastUpdated,
});
