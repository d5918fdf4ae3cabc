/** Documents as rows and back, so that what is read is JSON-equal to what was written. */
import type { Document } from "../core/definition.ts";
import type { StoredDocument } from "../runtime/ports.ts";
import { columnOf } from "./column.ts";
import type { Database } from "./sql.ts";
import type { Column } from "./view-columns.ts";
import { quoted } from "./view-names.ts";
import type { ViewShape } from "./view-shape.ts";
import { wordsText } from "./view-words.ts";

/** A document as a table keeps it. `document` null: a placeholder, which no reader and no fold sees. */
export interface Row {
  readonly key: string;
  readonly document: Document | null;
  readonly version: number;
  /** "" where no event was applied yet. */
  readonly updated: string;
}

/** A row as the database answers it: numbers and booleans as such, JSON as text. */
export interface SqlRow {
  readonly _key: string;
  readonly _held: boolean;
  readonly _version: number;
  readonly _updated: string | null;
  readonly _rest: string | null;
  readonly [field: string]: unknown;
}

/** A value that its column cannot hold. The message names the field. */
export class DocumentProblem extends Error {
  override readonly name = "DocumentProblem";
}

/** B-tree entries take 2,704 bytes at most; an index's texts and the key have to fit. */
const maxIndexedBytes = 2_600;

/** Array parameters for `upsert` of view-statements.ts. @throws DocumentProblem for values that `check` would have refused */
export function encodeRows(shape: ViewShape, rows: readonly Row[], database: Pick<Database, "array">): unknown[] {
  const column = columnOf(database);
  return [
    column("text", rows, (row) => row.key),
    column("bool", rows, (row) => row.document !== null),
    column("int8", rows, (row) => row.version),
    column("text", rows, (row) => row.updated),
    column("text", rows, (row) => (row.document === null ? null : restOf(shape, row.document))),
    ...encodeFields(
      shape.written,
      rows.map((row) => row.document),
      database,
    ),
  ];
}

/** One parameter for each column of one row, in the same order. @throws DocumentProblem as `encodeRows` */
export function encodeRow(shape: ViewShape, { key, document, version, updated }: Row): unknown[] {
  return [
    key,
    document !== null,
    version,
    updated,
    document === null ? null : restOf(shape, document),
    ...shape.written.map((column) => encode(column, document)),
  ];
}

/** One array parameter for each column. */
export function encodeFields(
  columns: readonly Column[],
  documents: readonly (Document | null)[],
  database: Pick<Database, "array">,
): unknown[] {
  return columns.map((column) =>
    database.array(
      arrayType(column),
      documents.map((document) => encode(column, document)),
    ),
  );
}

export const arrayType = ({ type }: Column): "text" | "int8" | "float8" | "bool" =>
  type === "bigint" ? "int8" : type === "double precision" ? "float8" : type === "boolean" ? "bool" : "text";

const encode = (column: Column, document: Document | null): unknown => {
  const value = document === null ? undefined : valueIn(column, document);
  // JSON has no -0, and some ways to the database keep its sign, others do not
  return value === undefined ? null : column.type === "json" ? JSON.stringify(value) : Object.is(value, -0) ? 0 : value;
};

/** What the column holds of a document. */
export const valueIn = ({ field, words }: Column, document: Document): unknown =>
  words === undefined ? document[field] : wordsText(words, document);

/** What no column holds: fields outside the schema, and null where a column's null means absent. */
export function restOf({ columns, copied }: ViewShape, document: Document): string | null {
  let rest: Record<string, unknown> | undefined;
  for (const field of Object.keys(document)) {
    const value = document[field];
    const column = columns.get(field);
    if (column === undefined ? value !== undefined : value === null && !column.required && column.type !== "json" && !copied.has(field))
      (rest ??= {})[field] = value;
  }
  return rest === undefined ? null : JSON.stringify(rest);
}

/** "own": as handlers made it; "whole": with the copied fields. @throws DocumentProblem where it does not fit its columns or indexes */
export function checkRow(shape: ViewShape, key: string, document: Document, part: "own" | "whole"): void {
  for (const column of shape.columns.values())
    if (part === "whole" || !shape.copied.has(column.field)) checkValue(column, document[column.field]);
  for (const fields of shape.indexes) {
    let bytes = textBytes(key);
    for (const field of fields) bytes += textBytes(document[field]);
    if (bytes > maxIndexedBytes)
      throw new DocumentProblem(
        `the texts of its index on ${fields.join(", ")} and its key take ${bytes} bytes, more than ${maxIndexedBytes}`,
      );
  }
}

/** @throws DocumentProblem where copied fields do not fit their columns */
export function checkFields(columns: readonly Column[], fields: Document): void {
  for (const column of columns) checkValue(column, fields[column.field]);
}

/** @throws DocumentProblem for a key that cannot be a primary key */
export function checkKey(key: string): void {
  if (typeof key !== "string") throw new DocumentProblem(`a key is a string, found ${typeof key}`);
  checkText("the key", key);
  if (textBytes(key) > maxIndexedBytes) throw new DocumentProblem(`the key takes more than ${maxIndexedBytes} bytes`);
}

const textBytes = (value: unknown): number =>
  typeof value !== "string" ? 0 : value.length * 3 <= 256 ? value.length * 3 : Buffer.byteLength(value);

function checkValue({ field, type, required }: Column, value: unknown): void {
  if (value === undefined) {
    if (required) throw new DocumentProblem(`the field '${field}' is missing`);
    return;
  }
  if (value === null) return;
  const wrong = (expected: string): never => {
    throw new DocumentProblem(`the field '${field}' must be ${expected}, found ${typeof value === "number" ? value : typeof value}`);
  };
  switch (type) {
    case "text":
      if (typeof value !== "string") wrong("a string");
      return checkText(`the field '${field}'`, value as string);
    case "bigint":
      return Number.isSafeInteger(value) ? undefined : wrong("an integer within 2^53 - 1");
    case "double precision":
      return Number.isFinite(value) ? undefined : wrong("a finite number");
    case "boolean":
      return typeof value === "boolean" ? undefined : wrong("a boolean");
    case "json":
      return JSON.stringify(value) === undefined ? wrong("JSON") : undefined;
  }
}

function checkText(what: string, text: string): void {
  if (text.includes("\0") || !text.isWellFormed())
    throw new DocumentProblem(`${what} holds U+0000 or half of a surrogate pair, which PostgreSQL cannot store`);
}

/** The list of a `select` that `decodeRow` understands. */
export const selectList = ({ columns }: ViewShape, alias = ""): string =>
  [
    `${alias}_key`,
    `${alias}_held`,
    `${alias}_version`,
    `${alias}_updated`,
    `${alias}_rest::text as _rest`,
    ...[...columns.values()].map((c) =>
      c.type === "json" ? `${alias}${quoted(c.field)}::text as ${quoted(c.field)}` : `${alias}${quoted(c.field)}`,
    ),
  ].join(", ");

export function decodeRow(shape: ViewShape, row: SqlRow): Row {
  return { key: row._key, document: row._held ? decodeDocument(shape, row) : null, version: row._version, updated: row._updated ?? "" };
}

export const storedDocument = (shape: ViewShape, row: SqlRow): StoredDocument => ({
  document: decodeDocument(shape, row),
  version: row._version,
  lastUpdated: row._updated ?? "",
});

function decodeDocument({ columns, copied }: ViewShape, row: SqlRow): Document {
  const document: Record<string, unknown> = {};
  for (const { field, type, required, nullable } of columns.values()) {
    const value = row[field];
    if (value !== null) document[field] = type === "json" ? JSON.parse(value as string) : value;
    else if (required || (nullable && copied.has(field))) document[field] = null;
  }
  return row._rest === null ? document : { ...document, ...(JSON.parse(row._rest) as Document) };
}
