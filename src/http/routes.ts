/** How users write an API: a table from "METHOD /path" to a command or a view. */
import type { AnyCommandType, AnyView, Schema } from "../core/definition.ts";
import type { IndexedOf, Searchable } from "../core/view-types.ts";
import { TidemarkError } from "../errors.ts";
import { documentSchema, type JsonSchema, propertyOf } from "./json-schema.ts";
import type {
  AnyRoute,
  CheckedRoutes,
  CommandRoute,
  Direction,
  FindOptions,
  FindRoute,
  GetRoute,
  RejectionNames,
  SearchOptions,
  SearchRoute,
  Statuses,
} from "./route-types.ts";

export interface ApiRoute<T = CommandRoute | FindRoute | GetRoute | SearchRoute> {
  readonly method: "GET" | "POST";
  /** As written, such as "/orders/{id}/items". */
  readonly path: string;
  /** In the order of the path. */
  readonly parameters: readonly string[];
  readonly target: T;
}

/** The form that a schema takes of a value that it gave out. */
export type Encode = (schema: Schema, value: unknown) => unknown;

export interface HttpApi {
  readonly kind: "http";
  readonly title: string;
  readonly version: string;
  readonly example: string | undefined;
  readonly encode: Encode;
  readonly statuses: Readonly<Record<string, number>>;
  readonly routes: readonly ApiRoute[];
}

export interface HttpOptions<R> {
  readonly title: string;
  /** Of the API, for its documentation. @default "1.0.0" */
  readonly version?: string;
  /** A line to try when the service is up, printed at its start; `{url}` is where it answers. */
  readonly example?: string;
  /** Turns a stored document into what clients see, such as zod's `z.encode`. @default documents go out as stored */
  readonly encode?: (schema: never, value: never) => unknown;
  /** HTTP status by rejection. @default 409 */
  readonly statuses?: Statuses<R>;
  readonly routes: R & CheckedRoutes<R>;
}

/**
 * Defines an HTTP API over commands and views.
 * @example
 * http({ title: "Orders", encode: z.encode, statuses: { OrderNotFound: 404 }, routes: {
 *   "POST /orders": orders.commands.CreateOrder,
 *   "POST /orders/{id}/pay": orders.commands.PayOrder,
 *   "GET /orders": find(orderSummaries, { filter: ["customerId"], order: { createdAt: "desc" } }),
 *   "GET /orders/{id}": get(orderDetails, { as: "order" }),
 * } });
 * @throws INVALID_DEFINITION
 */
export function http<const R extends Readonly<Record<string, AnyRoute>>>(options: HttpOptions<R>): HttpApi {
  return {
    kind: "http",
    title: options.title,
    version: options.version ?? "1.0.0",
    example: options.example,
    encode: (options.encode as Encode | undefined) ?? ((_, value) => value),
    statuses: (options.statuses ?? {}) as Readonly<Record<string, number>>,
    routes: Object.entries(options.routes as Readonly<Record<string, AnyRoute>>).map(([key, route]) => apiRoute(key, route)),
  };
}

/** A command as a route, where more is to be said than its type. @param options `rejects`: what its documentation lists, in place of all rejections of the aggregate */
export const command = <C extends AnyCommandType>(
  type: C,
  options: { readonly rejects?: readonly RejectionNames<C>[] } = {},
): CommandRoute<RejectionNames<C>> => ({
  kind: "command",
  type,
  rejects: options.rejects,
});

const orderOf = (order: Readonly<Record<string, Direction>> = {}) =>
  Object.entries(order).map(([field, direction]) => ({ field, direction }));

/** A list of documents: filters, order, keyset pages; with `between` a whole range. Path parameters are filters by name. */
export const find = <
  V extends AnyView,
  const F extends IndexedOf<V> = never,
  const O extends { readonly [K in IndexedOf<V>]?: Direction } = {},
>(
  view: V,
  options: FindOptions<V, F, O> = {},
): FindRoute<F> => ({
  kind: "find",
  view,
  filter: options.filter ?? [],
  between: options.between,
  order: orderOf(options.order),
});

/** A search in a view that declares it: `?q=&<filters>&limit=&cursor=` → `{ items, total, facets, nextCursor }`. */
export const search = <
  V extends AnyView & Searchable,
  const F extends IndexedOf<V> = never,
  const O extends { readonly [K in IndexedOf<V>]?: Direction } = {},
>(
  view: V,
  options: SearchOptions<V, F, O> = {},
): SearchRoute<F> => ({
  kind: "search",
  view,
  filter: options.filter ?? [],
  hide: options.hide ?? [],
  highlight: options.highlight ?? false,
  order: orderOf(options.order),
});

/**
 * One document: `{ [as]: document, version, lastUpdated, stale }`.
 * @param options `notFound`: the code of the 404; unless given, the one rejection of the view's first log that has status 404, else NOT_FOUND
 */
export const get = <V extends AnyView>(view: V, options: { readonly as: string; readonly notFound?: string }): GetRoute => ({
  kind: "get",
  view,
  as: options.as,
  notFound: options.notFound,
});

const keyForm = /^(GET|POST) ((?:\/(?:[A-Za-z0-9._~-]+|\{[A-Za-z][A-Za-z0-9]*\}))+)$/;

function apiRoute(key: string, route: AnyRoute): ApiRoute {
  const [, method, path] = keyForm.exec(key) ?? [];
  const refuse = (problem: string): never => {
    throw new TidemarkError("INVALID_DEFINITION", { what: `Route '${key}': ${problem}` });
  };
  if (method === undefined || path === undefined)
    return refuse("a route's key is 'POST /path' or 'GET /path', parameters are whole segments such as {id}.");
  const target: ApiRoute["target"] = typeof route === "function" ? { kind: "command", type: route, rejects: undefined } : route;
  const parameters = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  if (method === "POST" && target.kind !== "command") return refuse("a POST route takes a command.");
  if (method === "GET" && target.kind === "command") return refuse("a GET route takes find(…), get(…) or search(…).");
  if (target.kind === "command" && parameters.some((name) => name !== "id"))
    return refuse("the only path parameter of a command is {id}, its stream.");
  const isList = target.kind === "find" || target.kind === "search";
  if (!isList && parameters.length > 1) return refuse("it may have one path parameter.");
  if (target.kind === "get" && parameters.length !== 1) return refuse("a get route has one path parameter: the document's key.");
  if (isList) {
    const indexed = new Set(target.view.indexes.flat());
    for (const name of parameters) if (!target.filter.includes(name)) refuse(`{${name}} is not a filter of this route.`);
    for (const field of [...target.filter, ...target.order.map((by) => by.field)])
      if (!indexed.has(field)) refuse(`'${field}' stands in no index of view '${target.view.name}'.`);
    if (target.kind === "search") checkSearchRoute(target, refuse);
    else if (target.between !== undefined) {
      if (!indexed.has(target.between)) refuse(`'${target.between}' stands in no index of view '${target.view.name}'.`);
      const taken = target.filter.find((name) => name === target.between || name === "from" || name === "to");
      if (taken !== undefined) refuse(`with 'between', '${taken}' cannot be a filter.`);
    }
    if (target.order.length > 2) refuse("it may be ordered by two fields at most.");
  }
  return { method: method as "GET" | "POST", path, parameters, target };
}

function checkSearchRoute({ view, filter, hide, order }: SearchRoute, refuse: (problem: string) => never): void {
  if (view.search === undefined) refuse(`view '${view.name}' declares no 'search'.`);
  if (filter.includes("q")) refuse("'q' is what is searched for, so it cannot be a filter.");
  const schema: JsonSchema = documentSchema(view.document);
  for (const field of hide) {
    if (propertyOf(schema, field) === undefined) refuse(`'${field}', which is hidden, is no field of view '${view.name}'.`);
    if (view.search?.facets.includes(field)) refuse(`'${field}' is hidden, but view '${view.name}' counts its values as a facet.`);
    if (order.some((by) => by.field === field)) refuse(`'${field}' is hidden, but its values would stand in cursors of this order.`);
  }
}
