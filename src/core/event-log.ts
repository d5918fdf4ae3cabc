/** The log of a model that is kept in the user's own tables: events alone, nothing is decided here. */
import type { Aggregate } from "./aggregate-types.ts";
import { aggregate } from "./aggregate.ts";
import type { Schema } from "./definition.ts";
import type { JsonSchemas } from "./json-types.ts";
import type { Schemas } from "./message-types.ts";

export interface EventLogContract<E extends Schemas> {
  /** The member that holds the stream's key, such as "productId". */
  readonly id: string;
  /** What the stream's key must be; any string unless given. */
  readonly stream?: Schema<string, string>;
  /** What these schemas give out is what is stored, so it must be JSON. */
  readonly events: E & JsonSchemas<E>;
}

export type EventLog<N extends string, E extends Schemas> = Aggregate<N, {}, E, {}, null, {}>;

/**
 * A log without commands: its events come from `outbox`, in the transaction that writes the user's tables. Everywhere else it stands for an aggregate: in
 * `service({ aggregates })`, in a view's `from`, in the testing kit.
 * @example const products = eventLog("products", { id: "productId", events: { StockReserved: z.object({ quantity: z.int() }) } });
 * @throws INVALID_DEFINITION for names that are none
 */
export function eventLog<const N extends string, E extends Schemas>(name: N, contract: EventLogContract<E>): EventLog<N, E> {
  const { id, stream, events } = contract;
  const evolve = Object.fromEntries(Object.keys(events).map((type) => [type, () => null]));
  const defined = aggregate(
    name,
    {
      id,
      commands: {},
      events: events as Readonly<Record<string, Schema<unknown, null>>>,
      initial: null,
      ...(stream === undefined ? {} : { stream }),
    },
    { decide: {}, evolve: evolve as never },
  );
  return defined as unknown as EventLog<N, E>;
}
