/** `find` in MongoDB's words: null is greater than every value, text compares by code point, the key breaks ties. */
import type { Filter, Sort } from "mongodb";
import type { Condition, Scalar } from "../core/condition.ts";
import type { FindQuery } from "../runtime/ports.ts";
import { meta } from "./names.ts";
import type { Stored } from "./rows.ts";

export const held: Filter<Stored> = { [`${meta}.deleted`]: false };
const none = (field: string): string => `${meta}.none.${field}`;

export function filterOf(where: FindQuery["where"]): Filter<Stored>[] {
  return Object.entries(where).map(([field, condition]) => conditionOf(field, condition));
}

/** The mark beside the field is the first column of its index. */
function conditionOf(field: string, condition: Condition): Filter<Stored> {
  const isNone: Filter<Stored> = { [none(field)]: 1 };
  if (condition === null) return isNone;
  if (typeof condition !== "object") return { [none(field)]: 0, [field]: condition };
  const all: Filter<Stored>[] = [];
  const { not, gt, gte, lt, lte } = condition;
  if (condition.in !== undefined) {
    const values = condition.in.filter((value) => value !== null);
    const some: Filter<Stored> = { [none(field)]: 0, [field]: { $in: values } };
    all.push(condition.in.includes(null) ? { $or: [some, isNone] } : some);
  }
  if (not !== undefined) all.push(not === null ? { [none(field)]: 0 } : { [field]: { $ne: not } });
  const range = Object.entries({ $gt: gt, $gte: gte, $lt: lt, $lte: lte }).filter(([, limit]) => limit !== undefined);
  if (range.length > 0) all.push({ [none(field)]: 0, [field]: Object.fromEntries(range) });
  return all.length === 0 ? {} : { $and: all };
}

interface By {
  readonly field: string;
  readonly way: 1 | -1;
}

const ordering = (order: FindQuery["order"]): { readonly by: readonly By[]; readonly keyWay: 1 | -1 } => {
  const by = order.map(({ field, direction }): By => ({ field, way: direction === "desc" ? -1 : 1 }));
  return { by, keyWay: by.at(-1)?.way ?? 1 };
};

export function sortOf(order: FindQuery["order"]): Sort {
  const { by, keyWay } = ordering(order);
  return [
    ...by.flatMap(({ field, way }): [string, 1 | -1][] => [
      [none(field), way],
      [field, way],
    ]),
    ["_id", keyWay],
  ];
}

/** What comes after the last document of the page before: `after` fits the order. */
export function afterOf(order: FindQuery["order"], after: readonly Scalar[]): Filter<Stored> {
  const { by, keyWay } = ordering(order);
  const key = after.at(-1) as string;
  const past = (way: 1 | -1) => (way === 1 ? "$gt" : "$lt");
  const from = (i: number): Filter<Stored> => {
    if (i === by.length) return { _id: { [past(keyWay)]: key } };
    const { field, way } = by[i]!;
    const value = after[i]!;
    const same: Filter<Stored> = value === null ? { [none(field)]: 1 } : { [none(field)]: 0, [field]: value };
    const later: Filter<Stored>[] = [];
    if (value !== null) later.push({ [none(field)]: 0, [field]: { [past(way)]: value } });
    // null comes last ascending, first descending
    if (value !== null && way === 1) later.push({ [none(field)]: 1 });
    if (value === null && way === -1) later.push({ [none(field)]: 0 });
    return { $or: [...later, { $and: [same, from(i + 1)] }] };
  };
  return from(0);
}
