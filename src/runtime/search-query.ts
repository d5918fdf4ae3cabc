/** Full-text search over a view that declares it. */
import type { Condition, FindQuery, FoundPage } from "./find-query.ts";

/** Of each facet. */
export const maxFacetValues = 20;

export interface SearchQuery {
  /** Every word (`wordsOf`) must be found, whole or as the beginning of one, in any order, ignoring case and accents. Empty: does not filter. */
  readonly text: string;
  readonly where: Readonly<Record<string, Condition>>;
  readonly order: FindQuery["order"];
  readonly limit: number;
  readonly after?: FindQuery["after"];
  /** Whether the page says where the found words stand. */
  readonly highlight?: boolean;
}

export interface SearchPage extends FoundPage {
  /** Of all hits, whatever the page. */
  readonly total: number;
  /** By declared facet: how many hits have which value, most frequent first (then by value), at most `maxFacetValues`. Null is not counted. */
  readonly facets: Readonly<Record<string, readonly { readonly value: string | number | boolean; readonly count: number }[]>>;
  /** Where asked for: by item of the page, by text field, fragments with the found words between `<em>` and `</em>`, the rest escaped as HTML. */
  readonly highlights?: readonly Readonly<Record<string, readonly string[]>>[];
}
