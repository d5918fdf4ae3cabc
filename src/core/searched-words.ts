/** The words that a document of a searchable view is found by. */
import type { AnyView } from "./definition.ts";
import { textsOf, wordsOf } from "./words.ts";

/**
 * What stores can index of one document, shared evenly by its searched fields, in bytes of different words: a document may grow without end, and
 * should not stop its view when it does. By what a field holds beyond its share (a quarter of it, with four fields, is some 30,000 words) nothing is found.
 */
export const maxSearchedBytes = 1_000_000;

/** Of all searched fields, or of some of them; each word once. The words of a field do not depend on other fields. */
export function searchedWords(
  { text }: NonNullable<AnyView["search"]>,
  document: Readonly<Record<string, unknown>>,
  fields: readonly string[] = text,
): readonly string[] {
  const share = Math.floor(maxSearchedBytes / text.length);
  return [...new Set(fields.flatMap((field) => first(textsOf(document[field]), share)))];
}

function first(texts: readonly string[], mostBytes: number): readonly string[] {
  const words = new Set<string>();
  let bytes = 0;
  for (const text of texts) {
    for (const word of wordsOf(text)) {
      if (words.has(word)) continue;
      bytes += bytesOf(word);
      if (bytes > mostBytes) return [...words];
      words.add(word);
    }
  }
  return [...words];
}

const ascii = /^[a-z0-9]*$/;
/** At most what UTF-8 takes. */
const bytesOf = (word: string): number => (ascii.test(word) ? word.length : word.length * 3);
