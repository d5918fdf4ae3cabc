/** `search` in the engine's words. What a word is and what is marked in a hit is said by core/words.ts and core/highlight.ts, as on every other store. */
import type { AnyView } from "../core/definition.ts";
import { wordsOf } from "../core/words.ts";
import { checkSearch } from "../runtime/search-check.ts";
import { maxFacetValues, type SearchPage } from "../runtime/search-query.ts";
import type { Query } from "./find.ts";
import type { IndexedType } from "./names.ts";

/** Without words that begin another one: what finds the longer finds the shorter. @throws INVALID_INPUT */
export function wantedWords(view: AnyView, text: string): readonly string[] {
  checkSearch(view, { text });
  const words = wordsOf(text);
  return words.filter((short) => !words.some((long) => long !== short && long.startsWith(short)));
}

export const wordFilters = (words: readonly string[]): readonly Query[] => words.map((value) => ({ prefix: { words: { value } } }));

/** Values that every shard offers where there are several, so that one which is rare in each of them is counted. */
const offeredByShard = 1_000;

/** Counted over all hits, whatever the page. */
export const countsOf = (facets: readonly string[]): Query => ({
  total: { filter: { match_all: {} } },
  ...Object.fromEntries(
    facets.map((field, i) => [
      `facet${i}`,
      {
        terms: { field: `fields.${field}`, size: maxFacetValues, shard_size: offeredByShard, order: [{ _count: "desc" }, { _key: "asc" }] },
      },
    ]),
  ),
});

interface Bucket {
  readonly key: string | number;
  readonly doc_count: number;
}

export type Counts = Readonly<Record<string, { readonly doc_count?: number; readonly buckets?: readonly Bucket[] }>>;

export const totalOf = (counts: Counts | undefined): number => counts?.["total"]?.doc_count ?? 0;

export function facetsOf(
  facets: readonly string[],
  types: ReadonlyMap<string, IndexedType>,
  counts: Counts | undefined,
): SearchPage["facets"] {
  // booleans are counted as 1 and 0
  const valueOf = (field: string, key: string | number) => (types.get(field) === "boolean" ? key === 1 : key);
  return Object.fromEntries(
    facets.map((field, i) => {
      const buckets = counts?.[`facet${i}`]?.buckets ?? [];
      return [field, buckets.map(({ key, doc_count }) => ({ value: valueOf(field, key), count: doc_count }))];
    }),
  );
}
