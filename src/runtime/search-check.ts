/** What is refused before any store is asked, so that all refuse the same. */
import type { AnyView } from "../core/definition.ts";
import { wordsOf } from "../core/words.ts";
import { TidemarkError } from "../errors.ts";
import type { SearchQuery } from "./search-query.ts";

/** More are no search, but a load. */
export const maxSearchWords = 100;

export const noSearch = (view: AnyView, problem: string): TidemarkError =>
  new TidemarkError("INVALID_DEFINITION", { what: `View '${view.name}' cannot be searched: ${problem}.` });

/** @throws INVALID_DEFINITION for a view that declares no search, INVALID_INPUT for too many words */
export function checkSearch(view: AnyView, { text }: Pick<SearchQuery, "text">): void {
  if (view.search === undefined) throw noSearch(view, "its definition declares no 'search'");
  if (wordsOf(text).length > maxSearchWords)
    throw new TidemarkError("INVALID_INPUT", {
      what: `The search in view '${view.name}'`,
      issues: [{ pointer: "/text", detail: `must have ${maxSearchWords} words at most` }],
    });
}
