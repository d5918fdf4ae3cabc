/**
 * The words of a searchable view as columns: `_search` of what handlers made, `_search_0` … of what each reference copies (so that fan-out writes them with the copies),
 * and `_words`, of all of them, which the database keeps by itself. They are our own words (core/words.ts), not those of a dictionary: every store finds the same.
 */
import type { AnyView, Document } from "../core/definition.ts";
import { searchedWords } from "../core/searched-words.ts";
import { TidemarkError } from "../errors.ts";
import type { Column } from "./view-columns.ts";
import { quoted } from "./view-names.ts";

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
  const column = (field: string, of: readonly string[]): Column | undefined =>
    of.length === 0 ? undefined : { field, type: "text", required: false, nullable: true, words: { search, of } };
  return { own: column("_search", own), copied: copied.map((fields, i) => column(`_search_${i}`, fields)) };
}

/** Between blanks. They stay below the 2^20 bytes that a tsvector takes (`maxSearchedBytes`), and each of them below its 2^11 (`maxWordLength`). */
export const wordsText = ({ search, of }: NonNullable<Column["words"]>, document: Document): string =>
  searchedWords(search, document, of).join(" ");

export const wordsName = "_words";

/** A stored column, as part of `create table`. */
export function wordsDefinition(columns: readonly Column[]): string {
  const text = columns.map(({ field }) => `coalesce(${quoted(field)}, '')`).join(` || ' ' || `);
  return `${wordsName} tsvector generated always as (array_to_tsvector(array_remove(string_to_array(${text}, ' '), ''))) stored`;
}

/** All words, as a text that PostgreSQL reads as a tsquery. Words hold letters and digits only, so nothing needs escaping. */
export const queryText = (words: readonly string[]): string => words.map((word) => `'${word}':*`).join(" & ");
