/** The types that carry names and data of messages from a definition to everything that uses it. */
import type { StandardSchemaV1 } from "@standard-schema/spec";
import type { AnyCommand, AnyCommandType, Schema } from "./definition.ts";
import type { Metadata, NewEvent, Rejection } from "./message.ts";

export type Schemas = Readonly<Record<string, Schema>>;
/** Rejections by name: a text, or a function of the rejection's data that gives the text. */
export type Reasons = Readonly<Record<string, string | ((data: never) => string)>>;

/** What a schema takes: the outside form. */
export type In<S extends Schema> = StandardSchemaV1.InferInput<S>;
/** What a schema gives out: the inside form. */
export type Out<S extends Schema> = StandardSchemaV1.InferOutput<S>;

/** Where `{}` will do as data, nothing need be said. */
export type Args<Data> = {} extends Data ? [data?: Data] : [data: Data];

export type ReasonData<R> = R extends (data: infer Data extends object) => string ? Data : null;

/** Event makers by name. */
export type Raise<E extends Schemas> = { readonly [K in keyof E & string]: (...data: Args<In<E[K]>>) => NewEvent<K, Out<E[K]>> };

/** Rejection makers by name. */
export type Reject<R extends Reasons> = {
  readonly [K in keyof R & string]: (...data: R[K] extends string ? [] : [data: ReasonData<R[K]>]) => Rejection<K, ReasonData<R[K]>>;
};

export type NewEventOf<E extends Schemas> = { [K in keyof E & string]: NewEvent<K, Out<E[K]>> }[keyof E & string];
export type RejectionOf<R extends Reasons> = { [K in keyof R & string]: Rejection<K, ReasonData<R[K]>> }[keyof R & string];

/** An event as views get it. Time is that of the decision, RFC 3339 UTC. */
export interface LoggedEvent<Log extends string = string, Type extends string = string, Data = unknown> extends NewEvent<Type, Data> {
  readonly log: Log;
  readonly stream: string;
  /** 1, 2, 3 … in the stream. */
  readonly version: number;
  readonly time: string;
  readonly id: string;
  readonly metadata: Metadata;
}

/** A command made by `orders.commands.PayOrder(…)`; `"~rejections"` is there for the types alone. */
export interface Command<Log extends string, Type extends string, Data, Rejections> extends AnyCommand {
  readonly "type": Type;
  readonly "data": Data;
  readonly "~log"?: Log;
  readonly "~rejections"?: Rejections;
}

/** Makes commands of one type. */
export interface CommandType<Log extends string, Type extends string, Data, Rejections> extends Pick<
  AnyCommandType,
  "aggregate" | "schema"
> {
  (stream: string, ...data: Args<Data>): Command<Log, Type, Data, Rejections>;
  readonly "type": Type;
  readonly "~rejections"?: Rejections;
}

/** The rejections that a command (or its type) may meet, as inferred from `decide`. */
export type RejectionsOf<C> = C extends { readonly "~rejections"?: infer R } ? Exclude<R, undefined> : never;

/** What a `decide` function may refuse with. */
export type RejectedBy<F> = F extends (...args: never) => infer Result ? Extract<Result, Rejection<string, unknown>> : never;

/** A map without these keys: no handler of what does not exist. */
export type Nothing<K extends PropertyKey> = { readonly [X in K]: never };
