/** `find` in memory: null is greater than every value, text compares by code point. */
import type { AnyView } from "../core/definition.ts";
import { type InputIssue, TidemarkError } from "../errors.ts";
import type { Condition, FindQuery, FoundPage, StoredDocument } from "../runtime/ports.ts";

type Scalar = string | number | boolean | null;

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

const scalar = (value: unknown): Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;

function meets(value: Scalar, condition: Condition): boolean {
  if (condition === null || typeof condition !== "object") return value === condition;
  const { not, gt, gte, lt, lte } = condition;
  if (condition.in !== undefined && !condition.in.includes(value)) return false;
  if (not !== undefined && value === not) return false;
  const compares = (limit: string | number | undefined, holds: (way: number) => boolean) =>
    limit === undefined || (value !== null && holds(compare(value, limit)));
  return (
    compares(gt, (way) => way > 0) && compares(gte, (way) => way >= 0) && compares(lt, (way) => way < 0) && compares(lte, (way) => way <= 0)
  );
}

function compare(a: Scalar, b: Scalar): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return a < b ? -1 : 1;
}

/** By code point, which JavaScript's own comparison is not beyond U+FFFF. */
function compareText(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const way = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (way !== 0) return way;
  }
  return left.length - right.length;
}
