/** What `rollup` takes and gives, as types. */
import type { AnyView, Schema } from "./definition.ts";
import type { ConditionOf } from "./facade-types.ts";
import type { JsonSchema } from "./json-types.ts";
import type { Out } from "./message-types.ts";
import type { Measure, Period } from "./rollup-measures.ts";
import type { DocumentOf, Field, Logs, LogsOf, View } from "./view-types.ts";

/** A field of the measured document, or a period of the time that it holds. */
export type Dimensions = Readonly<Record<string, string | Period>>;
export type Measures = Readonly<Record<string, Measure>>;

type Value<Doc, F> = F extends keyof Doc ? Exclude<Doc[F], undefined> : never;
type IsNever<T> = [T] extends [never] ? true : false;
/** `unknown`, or the sentence where the first does not fit the second. */
type Fits<A, B, Sentence> = [A] extends [B] ? unknown : Sentence;

type CheckedDimension<Doc, Made, D> =
  D extends Period<infer F>
    ? IsNever<Extract<F, Field<Doc>>> extends true
      ? `'${F}' is no plain field of the measured documents`
      : [Value<Doc, F>] extends [string | null]
        ? Fits<string, Made, "a period is a string">
        : `'${F}' holds no time`
    : D extends Field<Doc>
      ? Fits<Exclude<Value<Doc, D>, null>, Made, "the dimension has another type than the document's field">
      : "a dimension is a plain field of the measured documents, or day(…), month(…), hour(…) of one";

/** Every dimension is a field of the document, and fits it. */
export type CheckedDimensions<B, Doc, Made> = {
  readonly [K in keyof B]: K extends keyof Made ? CheckedDimension<Doc, Made[K], B[K]> : "the document has no such field";
};

type Conditions<Doc, W> = {
  [K in keyof W]: K extends Field<Doc> ? ([W[K]] extends [ConditionOf<Value<Doc, K>>] ? never : K) : K;
}[keyof W];

type Extreme<Doc, F, W> =
  null extends Value<Doc, F>
    ? null
    : undefined extends (F extends keyof Doc ? Doc[F] : never)
      ? null
      : IsNever<keyof W> extends true
        ? never
        : null;

type Counts<V extends string> = string extends V ? Readonly<Record<string, number>> : { readonly [K in V]?: number };

type Gives<Doc, Made, K, F, W> = K extends "count"
  ? Fits<number, Made, "a count is a number">
  : K extends "countBy"
    ? [Value<Doc, F>] extends [string | null]
      ? Fits<
          Counts<Exclude<Value<Doc, F>, null> & string>,
          Made,
          "countBy gives a number for each value that some document has: z.partialRecord(…, z.int())"
        >
      : "countBy counts the values of a text"
    : K extends "min" | "max"
      ? [Value<Doc, F>] extends [string | number | null]
        ? Fits<
            Value<Doc, F> | Extreme<Doc, F, W>,
            Made,
            "the field must take every value of the measured one, and null where there may be none"
          >
        : "min and max take a text or a number"
      : [Value<Doc, F>] extends [number | null]
        ? [number] extends [Made]
          ? unknown
          : Fits<string, Made, "a sum or an average is a number, or a string where it must be exact beyond 2^53 - 1">
        : "a sum or an average is of numbers";

type CheckedMeasure<Doc, Made, M> =
  M extends Measure<infer K, infer F, infer W>
    ? IsNever<F> extends true
      ? IsNever<Conditions<Doc, W>> extends true
        ? Gives<Doc, Made, K, never, W>
        : `'where' does not fit the field '${Conditions<Doc, W> & string}' of the measured documents`
      : F extends Field<Doc>
        ? IsNever<Conditions<Doc, W>> extends true
          ? Gives<Doc, Made, K, F, W>
          : `'where' does not fit the field '${Conditions<Doc, W> & string}' of the measured documents`
        : `'${F}' is no plain field of the measured documents`
    : never;

/** Every measure is a field of the document, and fits it. */
export type CheckedMeasures<M, Doc, Made> = {
  readonly [K in keyof M]: K extends keyof Made ? CheckedMeasure<Doc, Made[K], M[K]> : "the document has no such field";
};

/** `unknown`, or a sentence that names the fields that nothing fills. */
export type Filled<Made, B, M> = [Exclude<keyof Made, keyof B | keyof M>] extends [never]
  ? unknown
  : `no dimension and no measure gives '${Exclude<keyof Made, keyof B | keyof M> & string}'`;

export interface RollupContract<D extends Schema, V extends AnyView, B, M> {
  /** The fence between releases; raise it when the rollup or the view that it measures changes. 1 unless given. */
  readonly version?: number;
  /** Of one group: a field for each dimension and each measure. */
  readonly document: D & JsonSchema<D> & Filled<Out<D>, B, M>;
  /** The view whose documents are measured. It need not be one of the service's. */
  readonly of: V;
  /** What makes a group: one field or more. Documents that have none are not counted. */
  readonly by: B & CheckedDimensions<B, DocumentOf<V>, Out<D>>;
  readonly measures: M & CheckedMeasures<M, DocumentOf<V>, Out<D>>;
}

/** A rollup is read as a view is: `find` filters and orders by its dimensions. */
export type Rollup<N extends string, Doc, Dimension extends string, V> = View<
  N,
  Doc,
  Dimension,
  LogsOf<V> extends infer L extends Logs ? L : Logs
>;
