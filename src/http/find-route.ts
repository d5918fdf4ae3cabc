/** GET of a list: filters, keyset pages, or all between two bounds. */
import type { AnyView, Schema } from "../core/definition.ts";
import { jsonSchemaOf } from "../core/schema.ts";
import { type ParameterIssue, TidemarkError } from "../errors.ts";
import type { Queries } from "../runtime/app.ts";
import { bounds, dayParser, holdsDays, mostInRange, rangeOf, type Range } from "./between.ts";
import { askedFor, viewHeaders } from "./consistency.ts";
import { formatCursor, parseCursor } from "./cursor.ts";
import type { QueryRequest } from "./get-route.ts";
import { type JsonSchema, propertyOf } from "./json-schema.ts";
import { parseQueryString, type RawParameters, refuseIssues } from "./query-string.ts";
import { json, jsonType, type Reply } from "./reply.ts";
import type { FindRoute } from "./route-types.ts";
import type { ApiRoute, HttpApi } from "./routes.ts";
import { notNull, type Scalar, scalarCheck, type ScalarParser, scalarParser } from "./scalar.ts";
import { fieldKeySchema, keyProblems } from "./stream-key.ts";

export const defaultLimit = 20;
export const maxLimit = 100;

export function findRoute(route: ApiRoute<FindRoute>, api: HttpApi, queries: Queries): (request: QueryRequest) => Promise<Reply> {
  const { view, filter, order, between } = route.target;
  const own = between === undefined ? ["limit", "cursor"] : bounds;
  const known = new Set([...filter.filter((name) => !route.parameters.includes(name)), ...own]);
  const parseBound = between === undefined ? undefined : boundParser(view, between);
  const filters = filter.map((name) => [name, filterParser(view, name)] as const);
  const fits = cursorCheck(view, route.target);

  const whereOf = (given: RawParameters): Record<string, Scalar | Range> => {
    const issues: ParameterIssue[] = [];
    const where: Record<string, Scalar | Range> = {};
    for (const [parameter, parse] of filters) {
      const text = given.get(parameter);
      if (text === undefined) continue;
      const parsed = parse(text);
      if (parsed.problem === undefined) where[parameter] = parsed.value;
      else issues.push({ parameter, detail: parsed.problem });
    }
    const range = between === undefined || parseBound === undefined ? undefined : rangeOf(given, parseBound, issues);
    if (between !== undefined && range !== undefined) where[between] = range;
    if (given.has("limit") && limitOf(given) === undefined)
      issues.push({ parameter: "limit", detail: `must be a whole number from 1 to ${maxLimit}` });
    refuseIssues(issues);
    return where;
  };

  return async (request) => {
    const asked = askedFor(request.headers);
    const query = parseQueryString(request.url, known);
    const where = whereOf(new Map([...query, ...Object.entries(request.params)]));
    if (between !== undefined) {
      const read = await queries.find(view, { where, order, limit: mostInRange }, asked.options);
      if (read.value.next !== null)
        refuseIssues(
          bounds.map((parameter) => ({ parameter, detail: `must leave ${mostInRange} items at most; ask for a smaller range` })),
        );
      const body = json({ items: read.value.items.map((item) => api.encode(view.document, item.document)) });
      return { status: 200, headers: { "content-type": jsonType, ...viewHeaders(read, asked) }, body };
    }
    const limit = limitOf(query) ?? defaultLimit;
    const binding = JSON.stringify([route.path, view.name, order, filter.map((name) => where[name] ?? null)]);
    const cursor = query.get("cursor");
    const after = cursor === undefined ? {} : { after: parseCursor(binding, cursor, fits) };

    const read = await queries.find(view, { where, order, limit, ...after }, asked.options);
    const nextCursor = read.value.next === null ? null : formatCursor(binding, read.value.next);
    return {
      status: 200,
      headers: {
        "content-type": jsonType,
        ...viewHeaders(read, asked),
        ...(nextCursor === null ? {} : { link: `<${nextUrl(request.url, query, nextCursor)}>; rel="next"` }),
      },
      body: json({ items: read.value.items.map((item) => api.encode(view.document, item.document)), nextCursor }),
    };
  };
}

function limitOf(query: RawParameters): number | undefined {
  const text = query.get("limit");
  return text !== undefined && /^[1-9]\d{0,2}$/.test(text) && Number(text) <= maxLimit ? Number(text) : undefined;
}

function nextUrl(url: string, query: RawParameters, cursor: string): string {
  const next = new URLSearchParams([...query]);
  next.set("cursor", cursor);
  return `${url.split(/[?#]/, 1)[0]}?${next.toString()}`;
}

/** How a filter's text is read: as its field is stored, and as a key where the field refers to another view. */
function filterParser(view: AnyView, field: string): ScalarParser {
  const parse =
    scalarParser(storedSchema(view), storedField(view, field)) ?? refuse(view, field, "it holds no text, number or truth value");
  const keySchema: Schema | undefined = fieldKeySchema(view, field);
  if (keySchema === undefined) return parse;
  return (text) => {
    const problem = keyProblems(keySchema, text)[0];
    return problem === undefined ? parse(text) : { problem };
  };
}

function boundParser(view: AnyView, field: string): ScalarParser {
  const stored = storedField(view, field);
  if (holdsDays(view, field, storedSchema(view))) return dayParser;
  if (stored["type"] === "boolean") return refuse(view, field, "truth values have no order");
  return filterParser(view, field);
}

const storedSchema = (view: AnyView): JsonSchema => jsonSchemaOf(view.document, "output");

/** A field that is stored in another form than clients see cannot be a parameter: its text would mean something else. */
function storedField(view: AnyView, field: string): JsonSchema {
  const [stored, seen] = (["output", "input"] as const).map((form) => {
    const root: JsonSchema = jsonSchemaOf(view.document, form);
    const schema = propertyOf(root, field);
    return schema === undefined ? undefined : notNull(root, schema);
  });
  if (stored === undefined || seen === undefined) return refuse(view, field, "the document's schema does not name it");
  if (JSON.stringify(stored["type"]) !== JSON.stringify(seen["type"]))
    return refuse(view, field, "it is stored in another form than it is shown in");
  return stored;
}

function refuse(view: AnyView, field: string, problem: string): never {
  throw new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' cannot be filtered by '${field}' over HTTP: ${problem}.` });
}

/** Are these the values of the order fields and a key, as a document of this view could have them? */
function cursorCheck(view: AnyView, { order }: FindRoute): (values: readonly unknown[]) => boolean {
  const root = storedSchema(view);
  const checks = order.map(({ field }) => scalarCheck(root, propertyOf(root, field)));
  const isKey = (value: unknown) => typeof value === "string" && value !== "" && value.isWellFormed() && !value.includes("\u0000");
  return (values) => values.length === checks.length + 1 && checks.every((check, index) => check(values[index])) && isKey(values.at(-1));
}
