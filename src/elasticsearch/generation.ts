/** One generation of a view in Elasticsearch or OpenSearch: an index for its documents, and one for each view that it refers to. */
import type { AnyView } from "../core/definition.ts";
import { highlightsOf } from "../core/highlight.ts";
import { TidemarkError } from "../errors.ts";
import { type DocumentGeneration, type DocumentRow, joinedId } from "../runtime/document-store.ts";
import { checkFind } from "../runtime/find-check.ts";
import type { FindQuery, FoundPage } from "../runtime/ports.ts";
import type { SearchPage, SearchQuery } from "../runtime/search-query.ts";
import type { SearchClient } from "./client.ts";
import { afterOf, allOf, cursorOf, filtersOf, held, type Query, sortOf } from "./find.ts";
import { type Hits, indexAccess, type IndexPlace, type IndexSettings } from "./index-access.ts";
import { documentAlias, referenceAlias } from "./names.ts";
import { sharedRefresh } from "./refreshes.ts";
import { decode, layoutOf, storedDocument } from "./rows.ts";
import { countsOf, facetsOf, wantedWords, totalOf, wordFilters } from "./search.ts";

export interface SearchPlace {
  readonly client: SearchClient;
  readonly prefix: string;
  readonly label: string;
  readonly settings: IndexSettings;
}

/** What one request gives at most (`index.max_result_window`). */
const hitsPerRequest = 10_000;

type Page = FoundPage & Pick<Hits, "counts">;

export function searchGeneration({ client, prefix, label, settings }: SearchPlace, view: AnyView, generation: number): DocumentGeneration {
  const at: IndexPlace = {
    client,
    settings,
    what: `View '${view.name}' on ${label}`,
    gone: () => new TidemarkError("VIEW_STORE_DIVERGED", { view: view.name, generation, store: label }),
  };
  const layout = layoutOf(view);
  const own = indexAccess(at, documentAlias(prefix, view.name, generation), layout);
  const referencedViews = [...new Set(Object.values(view.references).map((reference) => reference.view.name))];
  const privates = new Map(
    referencedViews.map((of) => [of, indexAccess(at, referenceAlias(prefix, view.name, generation, of), layoutOf(null))]),
  );
  const visible = sharedRefresh(() => own.refresh());
  const { types } = layout;

  /** More than one request gives in several, each from where the one before ended. */
  async function page(query: FindQuery, words: readonly Query[] = [], counts?: Query): Promise<Page> {
    checkFind(view, query);
    const { where, order, limit } = query;
    const found: Hits["found"][number][] = [];
    let after = query.after;
    let counted: Hits["counts"];
    for (;;) {
      // one more than asked for tells whether there is a next page
      const size = Math.min(limit + 1 - found.length, hitsPerRequest);
      const past = after === undefined ? [] : [afterOf(order, after)];
      const counting = counts !== undefined && counted === undefined;
      const hits = await own.search({
        query: allOf([held, ...words, ...filtersOf(where), ...(counting ? [] : past)]),
        // what is counted does not depend on the page
        ...(counting ? { post_filter: allOf(past), aggs: counts } : {}),
        sort: sortOf(order),
        size,
        track_total_hits: false,
      });
      counted ??= hits.counts;
      found.push(...hits.found);
      const last = hits.found.at(-1);
      if (found.length > limit || hits.found.length < size || last === undefined) break;
      after = cursorOf(order, last);
    }
    const items = found.slice(0, limit);
    const next = found.length > limit ? cursorOf(order, items.at(-1)!) : null;
    return { items: items.map(storedDocument), next, counts: counted };
  }

  async function search(query: SearchQuery): Promise<SearchPage> {
    const { text, facets } = view.search!;
    const { where, order, limit, after, highlight } = query;
    const words = wantedWords(view, query.text);
    const asked = { where, order, limit, ...(after === undefined ? {} : { after }) };
    const { items, next, counts } = await page(asked, wordFilters(words), countsOf(facets));
    return {
      items,
      next,
      total: totalOf(counts),
      facets: facetsOf(facets, types, counts),
      ...(highlight === true ? { highlights: items.map(({ document }) => highlightsOf(document, text, words)) } : {}),
    };
  }

  async function referring(field: string, key: string, edition: number, limit: number): Promise<readonly DocumentRow[]> {
    await visible();
    const newer = { range: { [`copied.${field}`]: { gte: edition } } };
    const query = { bool: { filter: [held, { term: { [`fields.${field}`]: key } }], must_not: [newer] } };
    return (await own.search({ query, size: limit, sort: ["_doc"], track_total_hits: false })).found.map(decode);
  }

  return {
    async prepare(mayCreate = true) {
      // the copies first: whoever finds the documents' index finds all of it
      const ids: (string | null)[] = [];
      for (const one of privates.values()) ids.push(await one.prepare(mayCreate));
      return joinedId(await own.prepare(mayCreate), ids);
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
      const { items, next } = await page(query);
      return { items, next };
    },
    ...(view.search === undefined ? {} : { search }),
    async drop() {
      for (const one of [own, ...privates.values()]) await one.drop();
    },
  };
}
