/** What a rollup counts, as plain data: every store computes the same from it, by increments or by a query over the latest row of each key. */
import type { Condition } from "./condition.ts";
import type { AnyView } from "./definition.ts";
import type { TimeUnit } from "./utc.ts";

/** Of the measured view's documents by field; all must hold. */
export type Where = Readonly<Record<string, Condition>>;

/** One field of a group: the value of a field of the measured document, or the period in UTC of the time that it holds. Documents whose value is null or absent do not count. */
export interface DimensionRule {
  readonly field: string;
  readonly unit: TimeUnit | null;
  /** Of the group's field. */
  readonly type: "string" | "integer" | "number" | "boolean";
}

export type MeasureKind = "count" | "sum" | "avg" | "min" | "max" | "countBy";

/**
 * One measured field of a group. Of the documents that meet `where`:
 * - count: how many there are
 * - sum: of the field, exactly; 0 where there is none. null and absent add nothing
 * - avg: sum / number of the documents that have a value, with `digits` digits behind the point, a half rounded away from zero; none: null where `nullable`, else 0
 * - min, max: of the field, text by code point; null where there is none
 * - countBy: how many have each value of the (text) field; values that none has are left out
 */
export interface MeasureRule {
  readonly kind: MeasureKind;
  /** null for count alone. */
  readonly field: string | null;
  readonly where: Where;
  /** Of avg; 0 for others. */
  readonly digits: number;
  /**
   * How the value stands in the group's document. sum and avg as "string" are exact decimal text ("12.5", avg with all its digits: "12.50");
   * as "integer" or "number" they are the nearest double, exact to 2^53 - 1. countBy is an "object".
   */
  readonly type: "integer" | "number" | "string" | "object";
  readonly nullable: boolean;
}

/** Not every document of `of` is in a group, but each is in one at most. A group without documents is not found. */
export interface RollupRules {
  /** The view whose documents are measured. The rollup keeps rows of its own for them, without the fields that it copies from others. */
  readonly of: AnyView;
  /** By the group's field, in the order in which they make its key. */
  readonly by: Readonly<Record<string, DimensionRule>>;
  readonly measures: Readonly<Record<string, MeasureRule>>;
}

/** The view of the rows that a rollup keeps: the measured one under the rollup's own name, as far as it folds its own logs. */
export const rowsOf = (view: AnyView): AnyView =>
  view.rollup === undefined
    ? view
    : {
        ...view.rollup.of,
        name: view.name,
        version: view.version,
        hash: view.hash,
        indexes: [],
        references: {},
        logs: view.logs,
        handles: view.handles,
        keys: view.keys,
        fold: view.fold,
      };
