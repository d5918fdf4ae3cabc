/** One generation of a view in Elasticsearch or OpenSearch: an index for its documents, and one for each view that it refers to. */
import type { AnyView } from "../core/definition.ts";
import { highlightsOf } from "../core/highlight.ts";
import type { DocumentGeneration, DocumentRow } from "../runtime/document-store.ts";
import type { FindQuery, FoundPage } from "../runtime/ports.ts";
import type { SearchPage, SearchQuery } from "../runtime/search-query.ts";
import type { SearchClient } from "./client.ts";
import { afterOf, allOf, checkQuery, cursorOf, filtersOf, held, type Query, sortOf } from "./find.ts";
import { type Hits, indexAccess, type IndexSettings } from "./index-access.ts";
import { documentAlias, foundBy, referenceAlias, searchedBy } from "./names.ts";
import { sharedRefresh } from "./refreshes.ts";
import { decode, layoutOf, storedDocument } from "./rows.ts";
import { countsOf, facetsOf, searchedWords, totalOf, wordFilters } from "./search.ts";

export interface SearchPlace {
  readonly client: SearchClient;
  readonly prefix: string;
  readonly label: string;
  readonly settings: IndexSettings;
}

/** What one request gives at most (`index.max_result_window`). */
const hitsPerRequest = 10_000;

type Page = FoundPage & Hits;
interface Asked extends Pick<FindQuery, "order" | "limit"> {
  readonly after?: FindQuery["after"] | undefined;
}

export function searchGeneration({ client, prefix, label, settings }: SearchPlace, view: AnyView, generation: number): DocumentGeneration {
  const what = `View '${view.name}' on ${label}`;
  const layout = layoutOf(view);
  const own = indexAccess(client, documentAlias(prefix, view.name, generation), layout, settings, what);
  const referencedViews = [...new Set(Object.values(view.references).map((reference) => reference.view.name))];
  const privates = new Map(
    referencedViews.map((of) => [
      of,
      indexAccess(client, referenceAlias(prefix, view.name, generation, of), layoutOf(null), settings, what),
    ]),
  );
  const visible = sharedRefresh(() => own.refresh());
  const { types } = layout;

  /** More than one request gives in several, each from where the one before ended. */
  async function page(filters: readonly Query[], query: Asked, counts?: Query): Promise<Page> {
    const { order, limit } = query;
    const found: Hits["found"][number][] = [];
    let after = query.after;
    let counted: Hits["counts"];
    for (;;) {
      // one more than asked for tells whether there is a next page
      const size = Math.min(limit + 1 - found.length, hitsPerRequest);
      const hits = await own.search({
        query: allOf([held, ...filters]),
        // not among the filters: what is counted does not depend on the page
        ...(after === undefined ? {} : { post_filter: afterOf(types, order, after) }),
        sort: sortOf(order),
        size,
        track_total_hits: false,
        ...(counts === undefined || counted !== undefined ? {} : { aggs: counts }),
      });
      counted ??= hits.counts;
      found.push(...hits.found);
      const last = hits.found.at(-1);
      if (found.length > limit || hits.found.length < size || last === undefined) break;
      after = cursorOf(order, last);
    }
    const items = found.slice(0, limit);
    const next = found.length > limit ? cursorOf(order, items.at(-1)!) : null;
    return { items: items.map(storedDocument), next, found: items, counts: counted };
  }

  async function search(query: SearchQuery): Promise<SearchPage> {
    const { text, facets } = view.search!;
    checkQuery(view, searchedBy(view), query);
    const words = searchedWords(view, query.text);
    const { items, next, counts } = await page([...wordFilters(words), ...filtersOf(types, query.where)], query, countsOf(facets));
    return {
      items,
      next,
      total: totalOf(counts),
      facets: facetsOf(facets, types, counts),
      ...(query.highlight === true ? { highlights: items.map(({ document }) => highlightsOf(document, text, words)) } : {}),
    };
  }

  async function referring(field: string, key: string, edition: number, limit: number): Promise<readonly DocumentRow[]> {
    await visible();
    const newer = { range: { [`copied.${field}`]: { gte: edition } } };
    const query = { bool: { filter: [held, { term: { [`fields.${field}`]: key } }], must_not: [newer] } };
    return (await own.search({ query, size: limit, sort: ["_doc"], track_total_hits: false })).found.map(decode);
  }

  return {
    async prepare() {
      // the copies first: whoever finds the documents' index finds all of it
      for (const one of privates.values()) await one.prepare();
      return own.prepare();
    },
    own: { read: (keys) => own.read(keys), write: (rows) => own.write(rows), referring },
    referenced: privates,
    visible,
    async get(keys) {
      const found = await own.stored(keys);
      return keys.map((key) => {
        const stored = found.get(key);
        return stored === undefined || stored.deleted ? undefined : storedDocument(stored);
      });
    },
    async find(query) {
      checkQuery(view, foundBy(view), query);
      const { items, next } = await page(filtersOf(types, query.where), query);
      return { items, next };
    },
    ...(view.search === undefined ? {} : { search }),
    async drop() {
      for (const one of [own, ...privates.values()]) await one.drop();
    },
  };
}
