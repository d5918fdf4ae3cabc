/** What is asked of one field: a value, or what it is compared with. The language of `find` and of a rollup's `where`. */

export type Scalar = string | number | boolean | null;

/** null is a value of its own: `not` holds for it, comparisons by order never do. Text compares by code point. */
export type Condition =
  | Scalar
  | {
      readonly in?: readonly Scalar[];
      readonly not?: Scalar;
      readonly gt?: string | number;
      readonly gte?: string | number;
      readonly lt?: string | number;
      readonly lte?: string | number;
    };

/** The field as conditions see it: what is absent, a list or an object counts as null. */
export const scalarOf = (value: unknown): Scalar =>
  typeof value === "string" || typeof value === "number" || typeof value === "boolean" ? value : null;

export function meets(value: Scalar, condition: Condition): boolean {
  if (condition === null || typeof condition !== "object") return value === condition;
  const { not, gt, gte, lt, lte } = condition;
  if (condition.in !== undefined && !condition.in.includes(value)) return false;
  if (not !== undefined && value === not) return false;
  const compares = (limit: string | number | undefined, holds: (way: number) => boolean) =>
    limit === undefined || (value !== null && holds(compareScalars(value, limit)));
  return (
    compares(gt, (way) => way > 0) && compares(gte, (way) => way >= 0) && compares(lt, (way) => way < 0) && compares(lte, (way) => way <= 0)
  );
}

/** null is greater than every value. */
export function compareScalars(a: Scalar, b: Scalar): number {
  if (a === b) return 0;
  if (a === null || b === null) return a === null ? 1 : -1;
  if (typeof a === "string" && typeof b === "string") return compareText(a, b);
  return a < b ? -1 : 1;
}

/** By code point, which JavaScript's own comparison is not beyond U+FFFF. */
export function compareText(a: string, b: string): number {
  const left = Array.from(a);
  const right = Array.from(b);
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const way = left[i]!.codePointAt(0)! - right[i]!.codePointAt(0)!;
    if (way !== 0) return way;
  }
  return left.length - right.length;
}
