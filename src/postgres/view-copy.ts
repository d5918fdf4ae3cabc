/** Documents in the text form of COPY: for rows that are not there yet it costs the server a third of an insert. */
import type { Document } from "../core/definition.ts";
import type { Statement } from "./sql.ts";
import { type Column, hiddenColumns } from "./view-columns.ts";
import { quoted } from "./view-names.ts";
import { restOf, type Row, valueIn } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";

/** So many rows become one buffer: a long text costs more to join than it saves. */
const rowsPerChunk = 200;

/** For rows that hold a document and are not in the table; any row that is there fails it. */
export function copyRows(shape: ViewShape, table: string, rows: readonly Row[]): Statement {
  const columns = shape.written;
  const names = [...hiddenColumns, ...columns.map((c) => quoted(c.field))];
  const chunks: Buffer[] = [];
  for (let first = 0; first < rows.length; first += rowsPerChunk) {
    let text = "";
    for (let i = first; i < Math.min(rows.length, first + rowsPerChunk); i++) text += line(shape, columns, rows[i]!);
    chunks.push(Buffer.from(text, "utf8"));
  }
  return { text: `copy ${quoted(table)}(${names.join(", ")}) from stdin`, copy: chunks };
}

function line(shape: ViewShape, columns: readonly Column[], { key, document, version, updated }: Row): string {
  const rest = restOf(shape, document!);
  let text = `${escaped(key)}\tt\t${version}\t${escaped(updated)}\t${rest === null ? "\\N" : escaped(rest)}`;
  for (const column of columns) text += `\t${field(column, document!)}`;
  return `${text}\n`;
}

function field(column: Column, document: Document): string {
  const { type } = column;
  const value = valueIn(column, document);
  if (value === undefined) return "\\N";
  if (type === "json") return escaped(JSON.stringify(value));
  if (value === null) return "\\N";
  return type === "text" ? escaped(value as string) : type === "boolean" ? (value === true ? "t" : "f") : `${value as number}`;
}

const special = /[\\\t\n\r]/;
const specials = /[\\\t\n\r]/g;
const escapes: Readonly<Record<string, string>> = { "\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r" };

const escaped = (text: string): string => (special.test(text) ? text.replace(specials, (c) => escapes[c]!) : text);
