/** Commands, events and rejections as plain values. What makes them (definitions) is in aggregate.ts. */

/** An event as `decide` makes it: `data` is what its schema gave out, so it is JSON. */
export interface NewEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly data: Data;
}

/** A typed business refusal: a value, never an exception; stored with the command id. */
export interface Rejection<Type extends string = string, Data = unknown> {
  readonly rejection: Type;
  readonly data: Data;
  /** One sentence for people. */
  readonly detail: string;
}

export const isRejection = (value: object): value is Rejection => "rejection" in value;

/** What is known of an event beside its data. Times are RFC 3339 UTC with milliseconds. */
export interface Metadata {
  /** The time of the decision: the time of the event for everybody after it. */
  readonly time: string;
  readonly commandId: string;
  /** The same for everything that one request set off. */
  readonly correlationId: string;
  /** The id of the message (command or event) that caused this one. */
  readonly causationId: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  /** Who asked for it. */
  readonly actor?: string;
}

/** An event of a log, as every reader gets it, whatever carried it there. */
export interface LogEvent<Type extends string = string, Data = unknown> {
  readonly log: string;
  readonly partition: number;
  /** 1, 2, 3 … dense in (log, partition). */
  readonly position: number;
  readonly stream: string;
  /** 1, 2, 3 … dense in the stream. */
  readonly version: number;
  readonly type: Type;
  readonly schemaVersion: number;
  readonly id: string;
  readonly time: string;
  readonly data: Data;
  readonly metadata: Metadata;
}
