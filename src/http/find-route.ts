/** GET of a list: filters, keyset pages, or all between two bounds. */
import type { AnyView } from "../core/definition.ts";
import type { ParameterIssue } from "../errors.ts";
import type { Queries } from "../runtime/app.ts";
import { bounds, dayParser, holdsDays, mostInRange, rangeOf } from "./between.ts";
import { askedFor, viewHeaders } from "./consistency.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import type { QueryRequest } from "./get-route.ts";
import { cursorCheck, filterParser, filterReader, limitOf, linkOf, refuse, storedField, storedSchema } from "./page-query.ts";
import { parseQueryString, type RawParameters, refuseIssues } from "./query-string.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import type { FindRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import type { ScalarParser } from "./scalar.ts";

export function findRoute(route: ApiRoute<FindRoute>, api: HttpApi, queries: Queries): (request: QueryRequest) => Promise<Reply> {
  const { view, filter, order, between } = route.target;
  const own = between === undefined ? ["limit", "cursor"] : bounds;
  const known = new Set([...filter.filter((name) => !route.parameters.includes(name)), ...own]);
  const parseBound = between === undefined ? undefined : boundParser(view, between);
  const filtersOf = filterReader(view, filter);
  const fits = cursorCheck(view, route.target);

  const askedOf = (given: RawParameters) => {
    const issues: ParameterIssue[] = [];
    const filters = filtersOf(given, issues);
    const range = between === undefined || parseBound === undefined ? undefined : rangeOf(given, parseBound, issues);
    const limit = limitOf(given, issues);
    refuseIssues(issues);
    return { filters, where: between === undefined || range === undefined ? filters : { ...filters, [between]: range }, limit };
  };

  return async (request) => {
    const asked = askedFor(request.headers);
    const query = parseQueryString(request.url, known);
    const { filters, where, limit } = askedOf(new Map([...query, ...Object.entries(request.params)]));
    if (between !== undefined) {
      const read = await queries.find(view, { where, order, limit: mostInRange }, asked.options);
      if (read.value.next !== null)
        refuseIssues(
          bounds.map((parameter) => ({ parameter, detail: `must leave ${mostInRange} items at most; ask for a smaller range` })),
        );
      const body = json({ items: read.value.items.map((item) => api.encode(view.document, item.document)) });
      return { status: 200, headers: { "content-type": jsonType, ...viewHeaders(read, asked) }, body };
    }
    const binding = JSON.stringify([route.path, view.name, order, filter.map((name) => filters[name] ?? null)]);
    const cursor = query.get("cursor");
    const after = cursor === undefined ? {} : { after: parseCursor(binding, cursor, fits) };

    const read = await queries.find(view, { where, order, limit, ...after }, asked.options);
    const nextCursor = read.value.next === null ? null : formatCursor(binding, read.value.next);
    return {
      status: 200,
      headers: { "content-type": jsonType, ...viewHeaders(read, asked), ...linkOf(request.url, query, nextCursor) },
      body: json({ items: read.value.items.map((item) => api.encode(view.document, item.document)), nextCursor }),
    };
  };
}

function boundParser(view: AnyView, field: string): ScalarParser {
  const stored = storedField(view, field);
  if (holdsDays(view, field, storedSchema(view))) return dayParser;
  if (stored["type"] === "boolean") return refuse(view, field, "truth values have no order");
  return filterParser(view, field);
}
