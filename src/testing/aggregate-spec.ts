/** Given events, when a command, then events or a rejection. */
import { AssertionError, deepStrictEqual } from "node:assert/strict";
import type { AnyAggregate, AnyCommand, Decision, NewEvent, Rejection, RejectionsOf } from "../core/index.ts";
import { validateInput } from "../core/index.ts";
import { jsonFault } from "../core/json-fault.ts";
import { frozen } from "./frozen.ts";
import type { MadeEvent, TimedEvent } from "./history.ts";

/** The commands that an aggregate's makers give. */
export type CommandsOf<A> = A extends { readonly commands: infer C }
  ? { [K in keyof C]: C[K] extends (...args: never) => infer Made ? Made : never }[keyof C]
  : never;

/** What came of a command. Nothing is awaited here: decisions are made at once. */
export interface AggregateOutcome<A, C> {
  /** These events and no others, in this order. */
  then(first: MadeEvent<A>, ...more: readonly MadeEvent<A>[]): void;
  /** Refused, and so: the name and data of the rejection. Only rejections that this command may meet. */
  then(rejection: RejectionsOf<C>): void;
  /** Accepted without an event. */
  thenNothing(): void;
  /** The command is not valid: exactly these members are at fault (RFC 6901 pointers; "" is the whole); without any, any fault will do. */
  thenInvalid(...pointers: readonly string[]): void;
}

export interface AggregateSpec<A> {
  /** What happened before; more than one call adds up. */
  given(...events: readonly (MadeEvent<A> | TimedEvent<MadeEvent<A>>)[]): AggregateSpec<A>;
  when<C extends CommandsOf<A> & AnyCommand>(command: C): AggregateOutcome<A, C>;
}

/**
 * Checks, beside what the test says: state and data are not changed by `decide` and `evolve`, both give the same twice,
 * state is folded from events as they come back from JSON, what was decided can be evolved, and states are JSON where the aggregate keeps snapshots.
 */
export function aggregateSpec<A extends AnyAggregate>(aggregate: A, history: readonly NewEvent[] = []): AggregateSpec<A> {
  return {
    given: (...events) =>
      aggregateSpec(aggregate, [...history, ...events.map((entry) => throughJson("event" in entry ? entry.event : entry) as NewEvent)]),
    when(command) {
      const decided = () => decide(aggregate, fold(aggregate, history), command);
      const comesTo = (expected: readonly unknown[]) => {
        const result = decided();
        if (result.invalid !== undefined)
          throw new AssertionError({
            message: `${command.type} is not valid: ${describe(result.invalid)}`,
            actual: result.invalid,
            expected,
          });
        const { decision } = result;
        deepStrictEqual(
          throughJson(seen(decision)),
          throughJson(expected.map(withoutDetail)),
          `${command.type} did not come to what was expected`,
        );
        if ("events" in decision) fold(aggregate, [...history, ...decision.events.map((event) => throughJson(event) as NewEvent)]);
      };
      return {
        then(...expected: readonly unknown[]) {
          refuseFunctions(expected);
          comesTo(expected);
        },
        thenNothing: () => comesTo([]),
        thenInvalid(...pointers) {
          const { invalid } = decided();
          if (invalid === undefined) throw new AssertionError({ message: `${command.type} is valid, but was expected not to be` });
          if (pointers.length > 0)
            deepStrictEqual([...new Set(invalid.map((issue) => issue.pointer))].sort(), [...pointers].sort(), describe(invalid));
        },
      };
    },
  };
}

type Decided =
  | { readonly decision: Decision; readonly invalid?: undefined }
  | { readonly invalid: readonly { readonly pointer: string; readonly detail: string }[] };

function decide(aggregate: AnyAggregate, state: unknown, { type, stream, data, aggregate: of }: AnyCommand): Decided {
  if (of.name !== aggregate.name) throw new Error(`${type} is a command of '${of.name}', not of '${aggregate.name}'.`);
  if (aggregate.streamSchema !== undefined) {
    const key = validateInput(aggregate.streamSchema, stream);
    if (key.issues !== undefined) return { invalid: key.issues.map((issue) => ({ ...issue, pointer: `/${aggregate.id}` })) };
  }
  const input = validateInput(aggregate.commandSchemas[type]!, data);
  if (input.issues !== undefined) return { invalid: input.issues };
  const command = frozen({ type, stream, data: input.value });
  const decision = aggregate.decide(state, command);
  deepStrictEqual(
    aggregate.decide(state, command),
    decision,
    `${aggregate.name}.decide.${type} decides differently the second time: it must depend on state and command alone`,
  );
  return { decision };
}

function fold(aggregate: AnyAggregate, events: readonly NewEvent[]): unknown {
  return events.reduce<unknown>((state, event) => {
    const next = aggregate.evolve(state, frozen(event));
    deepStrictEqual(
      aggregate.evolve(state, event),
      next,
      `${aggregate.name}.evolve.${event.type} gives another state the second time: it must depend on state and event alone`,
    );
    if (aggregate.snapshots !== undefined) refuseNotJson(`${aggregate.name}.evolve.${event.type}`, next);
    return frozen(next);
  }, frozen(aggregate.initial));
}

function refuseNotJson(where: string, state: unknown): void {
  const fault = jsonFault(state);
  if (fault !== null)
    throw new AssertionError({
      message: `${where} gives a state that no snapshot can hold: ${fault.pointer || "it"} ${fault.problem}, which is not JSON`,
      actual: state,
    });
}

const seen = (decision: Decision): readonly unknown[] => ("events" in decision ? decision.events : [withoutDetail(decision.rejected)]);

/** The sentence of a rejection follows from its name and data. */
const withoutDetail = (value: unknown): unknown => {
  if (typeof value !== "object" || value === null || !("rejection" in value)) return value;
  const { rejection, data } = value as Rejection;
  return { rejection, data };
};

const throughJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value)) as unknown;

const describe = (issues: readonly { readonly pointer: string; readonly detail: string }[]) =>
  issues.map(({ pointer, detail }) => `${pointer || "the whole"} ${detail}`).join("; ");

/** `then` makes a thenable: an `await` would call it with two functions, and must not pass for a test. */
export function refuseFunctions(expected: readonly unknown[]): void {
  if (expected.some((value) => typeof value === "function"))
    throw new TypeError("Do not await a spec: it answers at once. 'then' takes what is expected, no functions.");
}
