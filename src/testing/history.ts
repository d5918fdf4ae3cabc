/** What happened, as a test says it: streams of events, each with a time. */
import type { AnyAggregate } from "../core/definition.ts";
import type { EventsOf } from "../core/index.ts";
import type { LogEvent, NewEvent } from "../core/message.ts";

/** The events of an aggregate as its makers give them. */
export type MadeEvent<A> =
  EventsOf<A> extends infer E
    ? E extends { readonly type: infer Type extends string; readonly data: infer Data }
      ? NewEvent<Type, Data>
      : never
    : never;

/** An event with the time at which it happened. */
export interface TimedEvent<E> {
  readonly at: string;
  readonly event: E;
}

/** The history of one stream, as `stream` makes it. */
export interface StreamHistory<Log extends string = string> {
  readonly log: Log;
  readonly aggregate: AnyAggregate;
  readonly stream: string;
  readonly events: readonly (NewEvent | TimedEvent<NewEvent>)[];
}

/**
 * The events of one stream, in order. Each happens a second after the one before it, unless `at` says when.
 * @example stream(orders, "o-1", [created, at("2026-03-01T10:00:00Z", submitted)])
 */
export function stream<A extends AnyAggregate>(
  aggregate: A,
  id: string,
  events: readonly (MadeEvent<A> | TimedEvent<MadeEvent<A>>)[],
): StreamHistory<A["name"]> {
  return { log: aggregate.name, aggregate, stream: id, events };
}

/** Says when an event happened (any time that `Date` reads; kept as RFC 3339 UTC). @throws RangeError for what is no time */
export const at = <E extends NewEvent>(time: string, event: E): TimedEvent<E> => ({ at: new Date(time).toISOString(), event });

const epoch = Date.parse("2026-01-01T00:00:00.000Z");
const hex = (value: number) => value.toString(16).padStart(12, "0");

/**
 * Events as readers get them: data through JSON, versions dense. Every stream has a partition of its own,
 * so that any interleaving that keeps the streams' order is one that can happen.
 */
export function loggedEvents(histories: readonly StreamHistory[]): readonly (readonly LogEvent[])[] {
  let clock = epoch;
  return histories.map(({ aggregate, stream: id, events }, partition) => {
    if (histories.findIndex((other) => other.log === aggregate.name && other.stream === id) !== partition) {
      throw new Error(`The stream '${id}' of log '${aggregate.name}' is given twice; put its events into one list, in their order.`);
    }
    return events.map((entry, index) => {
      const { type, data } = "event" in entry ? entry.event : entry;
      if (!aggregate.knows(type, 1)) throw new Error(`${type} is no event of log '${aggregate.name}'.`);
      clock = "event" in entry ? Date.parse(entry.at) : clock + 1_000;
      const time = new Date(clock).toISOString();
      const eventId = `00000000-0000-7000-${(partition % 0x10000).toString(16).padStart(4, "0")}-${hex(index + 1)}`;
      return {
        log: aggregate.name,
        partition,
        position: index + 1,
        stream: id,
        version: index + 1,
        type,
        schemaVersion: 1,
        id: eventId,
        time,
        data: JSON.parse(JSON.stringify(data)) as unknown,
        metadata: { time, commandId: eventId, correlationId: eventId, causationId: eventId },
      };
    });
  });
}
