/**
 * The words of a searchable view as columns: `_search` of what handlers made, `_search_0` … of what each reference copies (so that fan-out writes them with the copies),
 * and `_words`, of all of them, which the database keeps by itself. They are our own words (core/words.ts), not those of a dictionary: every store finds the same.
 */
import type { AnyView } from "../core/definition.ts";
import { wordsOfFields } from "../core/words.ts";
import { TidemarkError } from "../errors.ts";
import type { Column } from "./view-columns.ts";
import { quoted } from "./view-names.ts";

/** A tsvector takes 2^20 - 1 bytes of words; a word has 256 at most (`maxWordLength`). */
const mostBytes = 1_000_000;

/** The names of a search's answer begin so too. */
const isReserved = (field: string): boolean => field.startsWith("_search") || field === "_words";

export interface WordColumns {
  /** undefined: no text of its own is searched. */
  readonly own: Column | undefined;
  /** By reference, in the view's order. */
  readonly copied: readonly (Column | undefined)[];
}

/** @throws INVALID_DEFINITION */
export function wordColumnsOf({ name, search, references }: AnyView, columns: ReadonlyMap<string, Column>): WordColumns {
  const copies = Object.values(references).map((reference) => reference.copies);
  if (search === undefined) return { own: undefined, copied: copies.map(() => undefined) };
  const taken = [...columns.keys()].find(isReserved);
  if (taken !== undefined)
    throw new TidemarkError("INVALID_DEFINITION", {
      what: `View '${name}' on PostgreSQL: '${taken}' is the name of a column that searching needs.`,
    });
  const own = search.text.filter((field) => !copies.some((of) => of.includes(field)));
  const copied = copies.map((of) => search.text.filter((field) => of.includes(field)));
  const filled = [own, ...copied].filter((fields) => fields.length > 0).length;
  const column = (field: string, fields: readonly string[]): Column | undefined =>
    fields.length === 0
      ? undefined
      : { field, type: "text", required: false, nullable: true, words: { of: fields, mostBytes: Math.floor(mostBytes / filled) } };
  return { own: column("_search", own), copied: copied.map((fields, i) => column(`_search_${i}`, fields)) };
}

/** Between blanks. */
export const wordsText = (document: Readonly<Record<string, unknown>>, fields: readonly string[]): string =>
  wordsOfFields(document, fields).join(" ");

export const wordsName = "_words";

/** A stored column, as part of `create table`. */
export function wordsDefinition(columns: readonly Column[]): string {
  const text = columns.map(({ field }) => `coalesce(${quoted(field)}, '')`).join(` || ' ' || `);
  return `${wordsName} tsvector generated always as (array_to_tsvector(array_remove(string_to_array(${text}, ' '), ''))) stored`;
}

/** All words, as a text that PostgreSQL reads as a tsquery. Words hold letters and digits only, so nothing needs escaping. */
export const queryText = (words: readonly string[]): string => words.map((word) => `'${word}':*`).join(" & ");

/** No character of a text becomes more bytes of words than so many. */
const mostBytesEach = 64;

/** What is wrong with the words of these fields; undefined: they fit. */
export function wordsProblem(
  document: Readonly<Record<string, unknown>>,
  { of, mostBytes: most }: NonNullable<Column["words"]>,
): string | undefined {
  const length = of.reduce((sum, field) => sum + lengthOf(document[field]), 0);
  if (length * mostBytesEach <= most) return undefined;
  const bytes = Buffer.byteLength(wordsText(document, of));
  return bytes <= most ? undefined : `the different words of ${of.join(", ")} take ${bytes} bytes, more than ${most} can be searched`;
}

const lengthOf = (value: unknown): number =>
  typeof value === "string"
    ? value.length + 1
    : Array.isArray(value)
      ? value.reduce((sum: number, item: unknown) => sum + lengthOf(item), 0)
      : 0;
