/** `find` in memory: null is greater than every value, text compares by code point. */
import { compareScalars as compare, meets, type Scalar, scalarOf as scalar } from "../core/condition.ts";
import type { AnyView } from "../core/definition.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { FindQuery, FoundPage, StoredDocument } from "./ports.ts";

/** @throws INVALID_INPUT, INVALID_CURSOR */
export function find(view: AnyView, documents: ReadonlyMap<string, StoredDocument>, query: FindQuery): FoundPage {
  check(view, query);
  const { where, order, limit, after } = query;
  const direction = order.at(-1)?.direction ?? "asc";
  const directions = [...order.map((by) => by.direction), direction];
  if (after !== undefined && after.length !== directions.length)
    throw new TidemarkError("INVALID_CURSOR", { problem: "it does not belong to this order" });
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

function check(view: AnyView, { where, order, limit }: FindQuery): void {
  const indexed = new Set([...view.indexes.flat(), ...Object.keys(view.references)]);
  const issues: InputIssue[] = [];
  const named = [
    ...Object.keys(where).map((field) => ({ field, pointer: `/where/${field}` })),
    ...order.map(({ field }, i) => ({ field, pointer: `/order/${i}` })),
  ];
  for (const { field, pointer } of named)
    if (!indexed.has(field))
      issues.push({ pointer, detail: `is not indexed by view '${view.name}'; indexed are: ${[...indexed].join(", ") || "none"}` });
  if (order.length > 2) issues.push({ pointer: "/order", detail: "takes two fields at most" });
  if (!Number.isSafeInteger(limit) || limit < 1) issues.push({ pointer: "/limit", detail: "must be a whole number above 0" });
  if (issues.length > 0) throw new TidemarkError("INVALID_INPUT", { what: `The query of view '${view.name}'`, issues });
}
