/** `search` in the fewest words, written apart from every store's. */
import type { SearchPage, SearchQuery, StoredDocument } from "../../runtime/ports.ts";
import { searched } from "./books.ts";
import { compare, inMemory, type Scalar, valueOf } from "./find-plainly.ts";

/** Words as the contract has them: runs of letters and digits, without case, accents and compatibility forms. */
export const wordsOf = (given: string): string[] =>
  given
    .normalize("NFKD")
    .replace(/\p{M}/gu, "")
    .toLowerCase()
    .replaceAll("ß", "ss")
    .replaceAll("ł", "l")
    .replaceAll("æ", "ae")
    .split(/[^\p{L}\p{N}]+/u)
    .filter((word) => word !== "");

const wordsIn = ({ document }: StoredDocument): string[] =>
  searched.search.text.flatMap((field) => {
    const value = document[field];
    return (Array.isArray(value) ? (value as string[]) : typeof value === "string" ? [value] : []).flatMap(wordsOf);
  });

/** The whole answer, as one page. */
export function plainly(
  all: readonly StoredDocument[],
  { text: wanted, where, order }: Omit<SearchQuery, "limit">,
): Omit<SearchPage, "next"> {
  const hits = all.filter((one) => {
    const words = wordsIn(one);
    return wordsOf(wanted).every((word) => words.some((there) => there.startsWith(word)));
  });
  const items = inMemory(hits, { where, order });
  const facets = searched.search.facets.map((field) => {
    const counts = new Map<Exclude<Scalar, null>, number>();
    for (const one of items) {
      const value = valueOf(one, field);
      if (value !== null) counts.set(value, (counts.get(value) ?? 0) + 1);
    }
    const most = [...counts].map(([value, count]) => ({ value, count }));
    return [field, most.toSorted((a, b) => b.count - a.count || compare(a.value, b.value)).slice(0, 20)] as const;
  });
  return { items, total: items.length, facets: Object.fromEntries(facets) };
}
