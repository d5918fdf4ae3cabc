/** `search` as one statement: the hits once, then their number, their facets and one page of their documents, all in one snapshot. */
import { compareScalars } from "../core/condition.ts";
import { highlightsOf } from "../core/highlight.ts";
import { wordsOf } from "../core/words.ts";
import { noSearch } from "../runtime/search-check.ts";
import { maxFacetValues, type SearchPage, type SearchQuery } from "../runtime/search-query.ts";
import type { Statement } from "./sql.ts";
import { afterText, orderColumns, orderText, parameters, whereText } from "./view-conditions.ts";
import { quoted } from "./view-names.ts";
import { selectList, storedDocument, type SqlRow } from "./view-rows.ts";
import type { ViewShape } from "./view-shape.ts";
import { queryText, wordsName } from "./view-words.ts";

const parts = { total: 0, facet: 1, page: 2 } as const;

/** A row of the answer: the document's columns are null but for those of the page. */
export interface SearchRow extends SqlRow {
  readonly _search_part: number;
  /** The facet's place in the declaration. */
  readonly _search_facet: number | null;
  /** Of a facet, as JSON. */
  readonly _search_value: string | null;
  /** How many; of a document, its place on the page. */
  readonly _search_count: number;
}

/** @throws INVALID_DEFINITION, INVALID_INPUT, INVALID_CURSOR */
export function searchStatement(shape: ViewShape, table: string, query: SearchQuery): Statement {
  const { search } = shape.view;
  if (search === undefined) throw noSearch(shape.view, "its definition declares no 'search'");
  const t = quoted(table);
  const order = orderColumns(shape, query.order);
  const to = parameters();
  const words = wordsOf(query.text);
  const conditions = [
    "_held",
    ...(words.length === 0 ? [] : [`${wordsName} @@ ${to.add("text", queryText(words))}::tsquery`]),
    ...whereText(shape, query.where, to),
  ];
  const kept = new Set(["_key", ...order.map(({ name }) => name), ...search.facets.map(quoted)]);
  const after = query.after === undefined ? "" : ` where ${afterText(order, query.after, to)}`;
  const facets = search.facets.map((field, i) => {
    const name = quoted(field);
    return `(select ${parts.facet}, ${i}, to_json(${name})::text, count(*), null from hits where ${name} is not null group by ${name} order by count(*) desc, ${name} limit ${maxFacetValues})`;
  });
  const found = [
    `select ${parts.total} as part, null::int as facet, null::text as value, count(*) as n, null::text as k from hits`,
    ...facets,
    `select ${parts.page}, null, null, row_number() over (order by ${orderText(order)}), _key from page`,
  ];
  return {
    // one more than asked for tells whether there is a next page
    text:
      `with hits as materialized (select ${[...kept].join(", ")} from ${t} where ${conditions.join(" and ")}), ` +
      `page as (select * from hits${after} order by ${orderText(order)} limit ${query.limit + 1}) ` +
      `select s.part as _search_part, s.facet as _search_facet, s.value as _search_value, s.n as _search_count, ${selectList(shape, "d.")} ` +
      `from (${found.join(" union all ")}) s left join ${t} d on d._key = s.k`,
    values: to.values,
  };
}

export function searchPage(shape: ViewShape, rows: readonly SearchRow[], query: SearchQuery): SearchPage {
  const { text, facets } = shape.view.search!;
  const found = rows.filter((row) => row._search_part === parts.page).toSorted((a, b) => a._search_count - b._search_count);
  const page = found.slice(0, query.limit);
  const last = found.length > query.limit ? page.at(-1)! : undefined;
  const items = page.map((row) => storedDocument(shape, row));
  const words = wordsOf(query.text);
  return {
    items,
    next: last === undefined ? null : [...query.order.map(({ field }) => last[field] as string | number | boolean | null), last._key],
    total: rows.find((row) => row._search_part === parts.total)!._search_count,
    facets: Object.fromEntries(
      facets.map((field, i) => [
        field,
        rows
          .filter((row) => row._search_facet === i)
          .map((row) => ({ value: JSON.parse(row._search_value!) as string | number | boolean, count: row._search_count }))
          .toSorted((a, b) => b.count - a.count || compareScalars(a.value, b.value)),
      ]),
    ),
    ...(query.highlight === true ? { highlights: items.map(({ document }) => highlightsOf(document, text, words)) } : {}),
  };
}
