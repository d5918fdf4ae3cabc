/** `search` in memory: what every store's answers are compared with. */
import { compareScalars, type Scalar, scalarOf } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { highlightsOf } from "../core/highlight.ts";
import { searchedWords } from "../core/searched-words.ts";
import { wordsOf } from "../core/words.ts";
import { find } from "./find-in-memory.ts";
import type { StoredDocument } from "./ports.ts";
import { noSearch } from "./search-check.ts";
import { maxFacetValues, type SearchPage, type SearchQuery } from "./search-query.ts";

/** @throws INVALID_DEFINITION, INVALID_INPUT, INVALID_CURSOR */
export function search(
  view: AnyView,
  documents: ReadonlyMap<string, StoredDocument>,
  { text, where, order, limit, after, highlight }: SearchQuery,
): SearchPage {
  const declared = view.search;
  if (declared === undefined) throw noSearch(view, "its definition declares no 'search'");
  const words = wordsOf(text);
  const matching = new Map([...documents].filter(([, { document }]) => holdsAll(searchedWords(declared, document), words)));
  const page = find(view, matching, { where, order, limit, ...(after === undefined ? {} : { after }) });
  const hits = find(view, matching, { where, order: [], limit: Math.max(1, matching.size) }).items;
  return {
    ...page,
    total: hits.length,
    facets: Object.fromEntries(
      declared.facets.map((field) => [
        field,
        counted(
          hits.map(({ document }) => scalarOf(document[field])),
          maxFacetValues,
        ),
      ]),
    ),
    ...(highlight === true ? { highlights: page.items.map(({ document }) => highlightsOf(document, declared.text, words)) } : {}),
  };
}

const holdsAll = (there: readonly string[], wanted: readonly string[]): boolean =>
  wanted.every((word) => there.some((each) => each.startsWith(word)));

/** null is no value to count. */
function counted(values: readonly Scalar[], most: number): SearchPage["facets"][string] {
  const counts = new Map<Exclude<Scalar, null>, number>();
  for (const value of values) if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
  return [...counts]
    .map(([value, count]) => ({ value, count }))
    .toSorted((a, b) => b.count - a.count || compareScalars(a.value, b.value))
    .slice(0, most);
}
