/** What `aggregate` takes and gives, as types. */
import type { AnyAggregate, Schema } from "./definition.ts";
import type { JsonSchemas, JsonState } from "./json-types.ts";
import type {
  CommandType,
  In,
  LoggedEvent,
  NewEventOf,
  Nothing,
  Out,
  Raise,
  Reasons,
  RejectedBy,
  Reject,
  RejectionOf,
  Schemas,
} from "./message-types.ts";
import type { NewEvent } from "./message.ts";
import type { SnapshotOptions } from "./reducer.ts";

/** One function for each command. It gives an event, a list of events (empty: nothing happened) or a rejection, at once and without side effects. */
export type Decide<C extends Schemas, E extends Schemas, R extends Reasons, S> = {
  readonly [K in keyof C & string]: (
    state: S,
    command: { readonly type: K; readonly data: Out<C[K]>; readonly stream: string },
    outcomes: Raise<E> & Reject<R>,
  ) => NewEventOf<E> | readonly NewEventOf<E>[] | RejectionOf<R>;
};

/** One function for each event: the state after it. */
export type Evolve<E extends Schemas, S> = { readonly [K in keyof E & string]: (state: S, event: NewEvent<K, Out<E[K]>>) => S };

/** The data of an aggregate. `D` and `V` of the behaviour are inferred apart, so that literals in handlers keep their types. */
export interface AggregateContract<C extends Schemas, E extends Schemas, R extends Reasons, S> {
  /** The body member that holds the stream's key, such as "orderId". */
  readonly id: string;
  /** What the stream's key must be; any string unless given. */
  readonly stream?: Schema<string, string>;
  readonly commands: C;
  /** What these schemas give out is what is stored, so it must be JSON. */
  readonly events: E & JsonSchemas<E>;
  readonly rejections?: R;
  /** The state of a stream without events. */
  readonly initial: S;
  /** For streams that grow long: their states are stored now and then, so that a cold one is not folded from its first event. States must be JSON. */
  readonly snapshots?: SnapshotOptions & JsonState<S>;
}

export interface AggregateBehaviour<C extends Schemas, E extends Schemas, D, V> {
  readonly decide: D & Nothing<Exclude<keyof D, keyof C>>;
  readonly evolve: V & Nothing<Exclude<keyof V, keyof E>>;
}

export interface Aggregate<N extends string, C extends Schemas, E extends Schemas, R extends Reasons, S, D> extends Omit<
  AnyAggregate,
  "commands"
> {
  readonly "name": N;
  readonly "commandSchemas": C;
  readonly "eventSchemas": E;
  readonly "reasons": R;
  readonly "initial": S;
  /** Makers of commands: `orders.commands.PayOrder(stream, data)`. Data is checked when the command is executed. */
  readonly "commands": { readonly [K in keyof C & string]: CommandType<N, K, In<C[K]>, RejectedBy<D[K & keyof D]>> };
  /** Makers of events: `orders.events.OrderPaid(data)`. @throws INVALID_EVENT */
  readonly "events": Raise<E>;
  readonly "rejections": Reject<R>;
  /** For types alone: its events as views get them. */
  readonly "~events"?: { [K in keyof E & string]: LoggedEvent<N, K, Out<E[K]>> }[keyof E & string];
}

/** The events of a log as views get them. */
export type EventsOf<A> = A extends { readonly "~events"?: infer E } ? Exclude<E, undefined> : never;
