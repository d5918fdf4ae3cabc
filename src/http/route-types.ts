/** What the compiler checks of a route table: methods, path parameters, filters, statuses. */
import type { AnyCommandType, AnyView } from "../core/definition.ts";
import type { Nothing, RejectionsOf } from "../core/message-types.ts";
import type { DocumentOf, IndexedOf, Searchable } from "../core/view-types.ts";

/** The names of the rejections that a command may meet. */
export type RejectionNames<C> =
  RejectionsOf<C> extends infer R ? (R extends { readonly rejection: infer Name extends string } ? Name : never) : never;

export type Direction = "asc" | "desc";

/** A command as a route; `rejects` narrows what its documentation lists. */
export interface CommandRoute<Names extends string = string> {
  readonly "kind": "command";
  readonly "type": AnyCommandType;
  readonly "rejects": readonly string[] | undefined;
  readonly "~rejects"?: Names;
}

/** A list of documents of a view. */
export interface FindRoute<Filters extends string = string> {
  readonly kind: "find";
  readonly view: AnyView;
  readonly filter: readonly Filters[];
  readonly order: readonly { readonly field: string; readonly direction: Direction }[];
  /** The field of `from` and `to`; with it, all that lies between is one answer. */
  readonly between: string | undefined;
}

/** A search in a view: words, filters, counts. */
export interface SearchRoute<Filters extends string = string> {
  readonly kind: "search";
  readonly view: AnyView;
  readonly filter: readonly Filters[];
  readonly order: FindRoute["order"];
  /** Fields that are searched but not shown. */
  readonly hide: readonly string[];
  readonly highlight: boolean;
}

/** One document of a view, by the key in the path. */
export interface GetRoute {
  readonly kind: "get";
  readonly view: AnyView;
  /** The member of the answer that holds the document. */
  readonly as: string;
  /** The code of the 404. */
  readonly notFound: string | undefined;
}

export type AnyRoute = AnyCommandType | CommandRoute | FindRoute | GetRoute | SearchRoute;

export interface SearchOptions<V extends AnyView & Searchable, F extends IndexedOf<V>, O> {
  /** As in `find`. */
  readonly filter?: readonly F[];
  /** As in `find`. */
  readonly order?: O & Nothing<Exclude<keyof O, IndexedOf<V>>>;
  /** Fields of the document that are there to be searched, and not shown. */
  readonly hide?: readonly (keyof DocumentOf<V> & string)[];
  /** Adds `highlights`: by item, by searched field, fragments as HTML with the found words between `<em>` and `</em>`. */
  readonly highlight?: boolean;
}

export interface FindOptions<V extends AnyView, F extends IndexedOf<V>, O> {
  /**
   * An indexed field that clients may bound by the query parameters `from` and `to`, both optional, both inclusive. Days, such as a rollup's `day(…)`, are taken
   * as `YYYY-MM-DD`. The answer is `{ items }` without pages; over 10,000 documents it is refused, so that clients ask for less.
   */
  readonly between?: IndexedOf<V>;
  /** Indexed fields that clients may filter by, as query or path parameters of their name. */
  readonly filter?: readonly F[];
  /** At most two indexed fields; the document's key breaks ties, in the direction of the last. */
  readonly order?: O & Nothing<Exclude<keyof O, IndexedOf<V>>>;
}

/** What a business refusal may be to HTTP; 409 unless said. */
export type RejectionStatus = 402 | 403 | 404 | 409 | 410 | 422 | 423 | 451;

export type Statuses<R> = { readonly [K in RejectionsOfRoutes<R>]?: RejectionStatus };

type RejectionsOfRoutes<R> = { [K in keyof R]: R[K] extends CommandRoute<infer Names> ? Names : RejectionNames<R[K]> }[keyof R];

type Parameters<Path> = Path extends `${string}{${infer Name}}${infer Rest}` ? Name | Parameters<Rest> : never;

/** `unknown` for a good route, a sentence that names the cause for any other. */
export type CheckedRoutes<R> = { readonly [K in keyof R]: CheckedRoute<K, R[K]> };

type CheckedRoute<K, T> = K extends `POST /${infer Path}`
  ? PostRoute<Parameters<Path>, T>
  : K extends `GET /${infer Path}`
    ? ReadRoute<Parameters<Path>, T>
    : "a route's key is 'POST /path' or 'GET /path'";

type PostRoute<Names extends string, T> = T extends { readonly kind: "find" | "get" | "search" }
  ? "a POST route takes a command, not a view"
  : [Exclude<Names, "id">] extends [never]
    ? unknown
    : `{${Exclude<Names, "id">}}: the only path parameter of a command is {id}, its stream`;

type ReadRoute<Names extends string, T> = T extends FindRoute<infer Filters> | SearchRoute<infer Filters>
  ? [Exclude<Names, Filters>] extends [never]
    ? unknown
    : `{${Exclude<Names, Filters>}} is not a filter of this route`
  : T extends GetRoute
    ? [Names] extends [never]
      ? "a get route has one path parameter: the document's key"
      : unknown
    : "a GET route takes find(…), get(…) or search(…), not a command";
