/** GET of a search: words, filters, counts by facet, keyset pages. */
import { wordsOf } from "../core/words.ts";
import type { ParameterIssue } from "../errors.ts";
import type { Queries } from "../runtime/app.ts";
import { maxSearchWords } from "../runtime/search-check.ts";
import { askedFor, viewHeaders } from "./consistency.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import type { QueryRequest } from "./get-route.ts";
import { isObject } from "./json-schema.ts";
import { cursorCheck, filterReader, limitOf, linkOf, storedField } from "./page-query.ts";
import { parseQueryString, refuseIssues } from "./query-string.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import type { SearchRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";

const mayBeEmpty: ReadonlySet<string> = new Set(["q"]);

export function searchRoute(route: ApiRoute<SearchRoute>, api: HttpApi, queries: Queries): (request: QueryRequest) => Promise<Reply> {
  const { view, filter, order, hide, highlight } = route.target;
  const known = new Set([...filter.filter((name) => !route.parameters.includes(name)), "q", "limit", "cursor"]);
  const filtersOf = filterReader(view, filter);
  const fits = cursorCheck(view, route.target);
  // a value that is counted is one to filter by
  for (const field of view.search?.facets ?? []) storedField(view, field);

  const shown = (document: unknown): unknown => {
    const encoded = api.encode(view.document, document);
    return hide.length === 0 || !isObject(encoded)
      ? encoded
      : Object.fromEntries(Object.entries(encoded).filter(([field]) => !hide.includes(field)));
  };

  return async (request) => {
    const asked = askedFor(request.headers);
    const query = parseQueryString(request.url, known, mayBeEmpty);
    const issues: ParameterIssue[] = [];
    const where = filtersOf(new Map([...query, ...Object.entries(request.params)]), issues);
    const limit = limitOf(query, issues);
    const text = query.get("q") ?? "";
    const words = wordsOf(text);
    if (words.length > maxSearchWords) issues.push({ parameter: "q", detail: `must have ${maxSearchWords} words at most` });
    refuseIssues(issues);
    const binding = JSON.stringify([route.path, view.name, order, filter.map((name) => where[name] ?? null), words]);
    const cursor = query.get("cursor");
    const after = cursor === undefined ? {} : { after: parseCursor(binding, cursor, fits) };

    const read = await queries.search(view, { text, where, order, limit, ...after, ...(highlight ? { highlight } : {}) }, asked.options);
    const { items, total, facets, next, highlights } = read.value;
    const nextCursor = next === null ? null : formatCursor(binding, next);
    return {
      status: 200,
      headers: { "content-type": jsonType, ...viewHeaders(read, asked), ...linkOf(request.url, query, nextCursor) },
      body: json({
        items: items.map((item) => shown(item.document)),
        total,
        facets,
        ...(highlights === undefined ? {} : { highlights: highlights.map((fields) => shownOnly(fields, hide)) }),
        nextCursor,
      }),
    };
  };
}

/** What is hidden is not shown by its fragments either. */
const shownOnly = (fields: Readonly<Record<string, unknown>>, hide: readonly string[]) =>
  Object.fromEntries(Object.entries(fields).filter(([field]) => !hide.includes(field)));
