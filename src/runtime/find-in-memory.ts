/** `find` in memory: null is greater than every value, text compares by code point. */
import { compareScalars as compare, meets, type Scalar, scalarOf as scalar } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { checkFind } from "./find-check.ts";
import type { FindQuery, FoundPage, StoredDocument } from "./ports.ts";

/** @throws INVALID_INPUT, INVALID_CURSOR */
export function find(view: AnyView, documents: ReadonlyMap<string, StoredDocument>, query: FindQuery): FoundPage {
  checkFind(view, query);
  const { where, order, limit, after } = query;
  const direction = order.at(-1)?.direction ?? "asc";
  const directions = [...order.map((by) => by.direction), direction];
  const compareRows = (a: readonly Scalar[], b: readonly Scalar[]): number => {
    for (const [i, one] of directions.entries()) {
      const way = compare(a[i] ?? null, b[i] ?? null);
      if (way !== 0) return one === "asc" ? way : -way;
    }
    return 0;
  };
  const rows = [...documents]
    .filter(([, { document }]) => Object.entries(where).every(([field, condition]) => meets(scalar(document[field]), condition)))
    .map(([key, stored]) => ({ stored, at: [...order.map(({ field }) => scalar(stored.document[field])), key] }))
    .toSorted((a, b) => compareRows(a.at, b.at))
    .filter(({ at }) => after === undefined || compareRows(at, after) > 0);
  return { items: rows.slice(0, limit).map(({ stored }) => stored), next: rows.length > limit ? rows[limit - 1]!.at : null };
}
