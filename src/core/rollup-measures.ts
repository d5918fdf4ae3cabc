/** The words that a rollup is defined with: dimensions and measures as data. */
import type { MeasureKind, Where } from "./rollup-rules.ts";
import type { TimeUnit } from "./utc.ts";

/** The period in UTC of the RFC 3339 time that a field holds. */
export interface Period<F extends string = string> {
  readonly field: F;
  readonly unit: TimeUnit;
}

/** `F`, `W` are there for the types: which field is measured, under which conditions. */
export interface Measure<K extends MeasureKind = MeasureKind, F extends string = string, W extends Where = Where> {
  readonly kind: K;
  readonly field: F | null;
  readonly where: W;
  readonly digits: number;
}

export interface MeasureOptions<W extends Where> {
  /** Only documents that meet these conditions (the language of `find`) are measured; all of the group unless given. */
  readonly where?: W;
}

export interface AverageOptions<W extends Where> extends MeasureOptions<W> {
  /** Digits behind the point, 0 to 20; a half is rounded away from zero. 0 unless given. */
  readonly digits?: number;
}

/** The UTC day, such as "2026-03-01". */
export const day = <const F extends string>(field: F): Period<F> => ({ field, unit: "day" });
/** The UTC month, such as "2026-03". */
export const month = <const F extends string>(field: F): Period<F> => ({ field, unit: "month" });
/** The UTC hour, such as "2026-03-01T10". */
export const hour = <const F extends string>(field: F): Period<F> => ({ field, unit: "hour" });

const measure =
  <K extends MeasureKind>(kind: K) =>
  <const F extends string, const W extends Where = {}>(field: F, options: MeasureOptions<W> = {}): Measure<K, F, W> => ({
    kind,
    field,
    where: options.where ?? ({} as W),
    digits: 0,
  });

/** How many documents. */
export const count = <const W extends Where = {}>(options: MeasureOptions<W> = {}): Measure<"count", never, W> => ({
  kind: "count",
  field: null,
  where: options.where ?? ({} as W),
  digits: 0,
});

/** The exact sum of a numeric field. Where the document's schema says string, it is decimal text and stays exact beyond 2^53 - 1. */
export const sum = measure("sum");

/** The average of a numeric field, rounded from the exact sum. Of none: null where the document's schema allows it, else 0. */
export const avg = <const F extends string, const W extends Where = {}>(
  field: F,
  options: AverageOptions<W> = {},
): Measure<"avg", F, W> => ({ kind: "avg", field, where: options.where ?? ({} as W), digits: options.digits ?? 0 });

/** The smallest value of a text or number; text by code point. */
export const min = measure("min");
/** The greatest value of a text or number; text by code point. */
export const max = measure("max");

/** How many documents have each value of a text field; values that none has are left out. For fields of few values. */
export const countBy = measure("countBy");
