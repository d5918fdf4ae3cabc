import type { EventsOf } from "./aggregate-types.ts";
/** What `view` takes and gives, as types. */
import type { AnyAggregate, AnyView, Schema } from "./definition.ts";
import type { JsonSchema } from "./json-types.ts";
import type { Nothing } from "./message-types.ts";
import type { Reference } from "./reference.ts";

export type Logs = readonly AnyAggregate[];

/** The short name of an event, or "log.Type" where two of the view's logs have one of that name. */
type HandlerKey<E extends { readonly log: string; readonly type: string }, All> =
  IsUnion<Extract<All, { readonly type: E["type"] }> extends { readonly log: infer Log } ? Log : never> extends true
    ? `${E["log"]}.${E["type"]}`
    : E["type"];
type IsUnion<T, Whole = T> = [T] extends [never] ? false : T extends unknown ? ([Whole] extends [T] ? false : true) : never;
type ViewEvents<L extends Logs> = Extract<EventsOf<L[number]>, { readonly log: string; readonly type: string }>;

/** The events that a view may handle, by the key of their handler. */
export type Handled<L extends Logs> = { [E in ViewEvents<L> as HandlerKey<E, ViewEvents<L>>]: E };

/** Fields that can be filtered, ordered by and refer to other views: those that hold one plain value. */
export type Field<Doc> = {
  [K in keyof Doc & string]-?: [Doc[K]] extends [string | number | boolean | null | undefined] ? K : never;
}[keyof Doc & string];

type KeyField<Doc> = { [K in keyof Doc & string]-?: [Doc[K]] extends [string | null | undefined] ? K : never }[keyof Doc & string];

/** Of each reference: what it copies must fit the document. */
export type References<Doc> = { readonly [K in KeyField<Doc>]?: Reference<Partial<Doc>> };

type FieldsOf<X> = X extends { readonly "~fields"?: infer F } ? keyof Exclude<F, undefined> : never;
/** The names of all copied fields. */
export type Filled<R> = { [K in keyof R]: FieldsOf<R[K]> }[keyof R];
type Show<T> = { [K in keyof T]: T[K] };
/** The document as handlers see and make it: without copied fields. */
export type Own<Doc, R> = [Filled<R>] extends [never] ? Doc : Show<Omit<Doc, Filled<R> & keyof Doc>>;

export type Folds<L extends Logs, Doc> = { readonly [K in keyof Handled<L>]?: (document: Doc, event: Handled<L>[K]) => Doc | null };
export type Births<L extends Logs, Doc> = { readonly [K in keyof Handled<L>]?: (event: Handled<L>[K]) => Doc | null };

export type Keys = string | readonly string[] | null;
/** Which documents an event concerns: one function for all events, or one for each handled event. */
export type KeysOf<L extends Logs> =
  | ((event: Handled<L>[keyof Handled<L>]) => Keys)
  | { readonly [K in keyof Handled<L>]?: (event: Handled<L>[K]) => Keys };

/** All fields that stand in some index. */
export type Indexed<I> = I extends readonly (infer Item)[] ? (Item extends readonly (infer F)[] ? F : Item) : never;
export type Indexes<Doc> = readonly (Field<Doc> | readonly Field<Doc>[])[];
/** A reference's field must be indexed: the fan-out finds documents by it. */
export type OnlyIndexed<R, I> = {
  readonly [K in keyof R]: K extends Indexed<I> ? unknown : "the field of a reference must stand in 'indexes'";
};

/** Fields whose words can be searched: those that hold text or a list of texts. */
export type TextField<Doc> = {
  [K in keyof Doc & string]-?: [Doc[K]] extends [string | readonly string[] | null | undefined] ? K : never;
}[keyof Doc & string];

/** What `search` finds documents by, and what it counts. */
export interface SearchContract<Doc, I> {
  /** Text, lists of texts, or null. Every searched word must be found in one of them. */
  readonly text: readonly TextField<Doc>[];
  /** Indexed fields whose values are counted over all hits. */
  readonly facets?: readonly Extract<Indexed<I>, string>[];
}

export interface ViewContract<D extends Schema, L extends Logs, I, R, S = unknown> {
  /** The fence between releases; raise it when the definition changes. 1 unless given. */
  readonly version?: number;
  /** What this schema gives out is what is stored, so it must be JSON. */
  readonly document: D & JsonSchema<D>;
  readonly from: L;
  /** Fields, or lists of fields, that `find` may filter and order by. */
  readonly indexes?: I;
  readonly references?: R & OnlyIndexed<R, I>;
  /** Makes the view searchable: words in `text`, any indexed field as a filter, counts by `facets`. */
  readonly search?: S;
}

/** A list whose length the types do not know is counted at run time. */
type OneLog<L extends Logs> = number extends L["length"]
  ? unknown
  : L extends readonly [AnyAggregate]
    ? unknown
    : "'create' is for views of one log; with several, use 'initial'";

type Initial<L extends Logs, Doc> = { readonly initial: (key: string) => Doc; readonly create?: never } & (L extends readonly [AnyAggregate]
  ? { readonly key: KeysOf<L> }
  : { readonly key?: KeysOf<L> });

export type ViewBehaviour<L extends Logs, Doc, H, B> = { readonly on: H & Nothing<Exclude<keyof H, keyof Handled<L>>> } & (
  | { readonly create: B & OneLog<L> & Nothing<Exclude<keyof B, keyof Handled<L>>>; readonly initial?: never; readonly key?: never }
  | Initial<L, Doc>
);

/** Phantom members are there for the types alone. */
export interface View<N extends string, Doc, IndexedFields extends string, L extends Logs = Logs> extends AnyView {
  readonly "name": N;
  readonly "~document"?: Doc;
  readonly "~indexed"?: IndexedFields;
  readonly "~from"?: L;
}

/** A view that declares `search`. */
export interface Searchable<Facets extends string = string> {
  readonly "search": { readonly text: readonly string[]; readonly facets: readonly string[] };
  readonly "~facets"?: Facets;
}
/** What a contract's `search` makes of the view. */
export type SearchableBy<S> = [S] extends [{ readonly text: readonly string[] }]
  ? Searchable<S extends { readonly facets: readonly (infer F extends string)[] } ? F : never>
  : unknown;
export type FacetsOf<V> = V extends { readonly "~facets"?: infer F } ? Extract<F, string> : never;

export type DocumentOf<V> = V extends { readonly "~document"?: infer Doc } ? Exclude<Doc, undefined> : never;
export type IndexedOf<V> = V extends { readonly "~indexed"?: infer F } ? Extract<F, string> : never;
/** The aggregates whose events a view is folded from. */
export type LogsOf<V> = V extends { readonly "~from"?: infer L } ? Extract<Exclude<L, undefined>, Logs> : never;
