/** `find` in the fewest words, written apart from every store's: null is greater than every value, text goes by code point, the key breaks ties. */
import type { Condition, FindQuery, StoredDocument } from "../../runtime/ports.ts";

export type Scalar = string | number | boolean | null;

const points = (text: string): number[] => Array.from(text, (c) => c.codePointAt(0)!);

export function compare(a: Scalar, b: Scalar): number {
  if (a === null || b === null) return a === b ? 0 : a === null ? 1 : -1;
  if (typeof a !== "string" || typeof b !== "string") return Number(a) - Number(b);
  const [x, y] = [points(a), points(b)];
  for (let i = 0; i < Math.min(x.length, y.length); i++) if (x[i] !== y[i]) return x[i]! - y[i]!;
  return x.length - y.length;
}

export const valueOf = ({ document }: StoredDocument, field: string): Scalar => (document[field] ?? null) as Scalar;

export function holds(value: Scalar, condition: Condition): boolean {
  if (condition === null || typeof condition !== "object") return value === condition;
  const { in: some, not, gt, gte, lt, lte } = condition;
  const against = (other: Scalar | undefined, test: (order: number) => boolean) =>
    other === undefined || (value !== null && test(compare(value, other)));
  return (
    (some === undefined || some.includes(value)) &&
    (not === undefined || value !== not) &&
    against(gt, (o) => o > 0) &&
    against(gte, (o) => o >= 0) &&
    against(lt, (o) => o < 0) &&
    against(lte, (o) => o <= 0)
  );
}

/** All that meet the conditions, in order. `keyField`: the field that holds the key. */
export function inMemory(
  all: readonly StoredDocument[],
  { where, order }: Pick<FindQuery, "where" | "order">,
  keyField = "id",
): StoredDocument[] {
  const sign = (direction: "asc" | "desc") => (direction === "asc" ? 1 : -1);
  return all
    .filter((one) => Object.entries(where).every(([field, condition]) => holds(valueOf(one, field), condition)))
    .toSorted((a, b) => {
      for (const { field, direction } of order) {
        const by = compare(valueOf(a, field), valueOf(b, field)) * sign(direction);
        if (by !== 0) return by;
      }
      return compare(valueOf(a, keyField), valueOf(b, keyField)) * sign(order.at(-1)?.direction ?? "asc");
    });
}
