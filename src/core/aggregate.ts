/** An aggregate: the consistency boundary, defined by a contract (data) and a behaviour (pure functions). */
import { TidemarkError } from "../errors.ts";
import type { Aggregate, AggregateBehaviour, AggregateContract, Decide, Evolve } from "./aggregate-types.ts";
import type { AnyAggregate, AnyCommandType, Decision, Schema } from "./definition.ts";
import type { Reasons, Schemas } from "./message-types.ts";
import { isRejection, type NewEvent, type Rejection } from "./message.ts";
import { checkMessageName, checkName, refuse } from "./names.ts";
import { snapshotRules } from "./reducer.ts";
import { validate } from "./schema.ts";

/**
 * Defines an aggregate and its log, and gives the makers of its commands, events and rejections.
 *
 * `decide` gets the state, the command with the schema's output as data, and the makers of what may come out. Both maps are pure and synchronous.
 * @example
 * const counters = aggregate("counters", { id: "counterId", commands: { Add: z.object({ by: z.int() }) }, events: { Added: z.object({ by: z.int() }) }, initial: 0 },
 *   { decide: { Add: (sum, { data }, { Added }) => Added(data) }, evolve: { Added: (sum, { data }) => sum + data.by } });
 * @throws INVALID_DEFINITION for names that are none, for commands or events without a function, and for snapshots of states that are not JSON
 */
export function aggregate<
  const N extends string,
  C extends Schemas,
  E extends Schemas,
  S,
  D extends Decide<C, E, R, S>,
  V extends Evolve<E, S>,
  R extends Reasons = {},
>(name: N, contract: AggregateContract<C, E, R, S>, behaviour: AggregateBehaviour<C, E, D, V>): Aggregate<N, C, E, R, S, D> {
  const reasons: Reasons = contract.rejections ?? {};
  checkDefinition(name, contract, reasons, behaviour);

  const events = mapValues(contract.events, eventMaker);
  const rejections = mapValues(reasons, rejectionMaker);
  const outcomes = { ...events, ...rejections };
  const decide = behaviour.decide as unknown as Record<string, ErasedDecide>;
  const evolve = behaviour.evolve as unknown as Record<string, ErasedEvolve>;
  const commands: Record<string, AnyCommandType> = {};

  const definition: AnyAggregate & Record<"events" | "rejections", unknown> = {
    kind: "aggregate",
    name,
    id: contract.id,
    streamSchema: contract.stream,
    commandSchemas: contract.commands,
    eventSchemas: contract.events,
    reasons,
    initial: contract.initial,
    snapshots: contract.snapshots && snapshotRules(name, contract.snapshots, contract.initial, evolve),
    commands,
    events,
    rejections,
    decide(state, { type, stream, data }) {
      const handler = ownMember(decide, type) ?? refuse(`Log '${name}' has no command ${type}.`);
      return toDecision(`${name}.decide.${type}`, handler(state, { type, stream, data }, outcomes), contract.events);
    },
    evolve(state, event) {
      const handler = ownMember(evolve, event.type) ?? refuse(`Log '${name}' has no event ${event.type}.`);
      return handler(state, event);
    },
    knows: (type, schemaVersion) => schemaVersion === 1 && Object.hasOwn(contract.events, type),
  };
  for (const [type, schema] of Object.entries(contract.commands)) commands[type] = commandMaker(definition, type, schema);
  return definition as unknown as Aggregate<N, C, E, R, S, D>;
}

type ErasedDecide = (
  state: unknown,
  command: { readonly type: string; readonly stream: string; readonly data: unknown },
  outcomes: object,
) => unknown;
type ErasedEvolve = (state: unknown, event: NewEvent) => unknown;

function checkDefinition(
  name: string,
  contract: { id: string; commands: Schemas; events: Schemas },
  reasons: Reasons,
  behaviour: { decide: object; evolve: object },
): void {
  checkName("a log", name);
  if (contract.id === "") refuse(`Log '${name}': 'id' must name the member that holds the stream's key, such as "orderId".`);
  for (const type of Object.keys(contract.commands)) checkMessageName(`a command of log '${name}'`, type);
  for (const type of Object.keys(contract.events)) checkMessageName(`an event of log '${name}'`, type);
  for (const type of Object.keys(reasons)) {
    checkMessageName(`a rejection of log '${name}'`, type);
    if (Object.hasOwn(contract.events, type))
      refuse(`Log '${name}' has an event and a rejection by the name ${type}; 'decide' could not tell them apart.`);
  }
  checkHandlers(name, "decide", behaviour.decide, "command", contract.commands);
  checkHandlers(name, "evolve", behaviour.evolve, "event", contract.events);
}

function checkHandlers(name: string, map: string, handlers: object, kind: string, schemas: Schemas): void {
  for (const type of Object.keys(schemas))
    if (!Object.hasOwn(handlers, type)) refuse(`Log '${name}': '${map}' has no function for the ${kind} ${type}.`);
  for (const type of Object.keys(handlers))
    if (!Object.hasOwn(schemas, type)) refuse(`Log '${name}': '${map}' has a function for ${type}, which is no ${kind} of this log.`);
}

const commandMaker = (aggregate: AnyAggregate, type: string, schema: Schema): AnyCommandType =>
  Object.assign((stream: string, data?: unknown) => ({ aggregate, type, stream, data: data ?? {} }), { aggregate, type, schema });

const eventMaker =
  (type: string, schema: Schema) =>
  (data?: unknown): NewEvent => {
    const result = validate(schema, data ?? {});
    if (result.issues !== undefined) throw new TidemarkError("INVALID_EVENT", { type, issues: result.issues });
    return { type, data: result.value };
  };

const rejectionMaker =
  (type: string, reason: Reasons[string]) =>
  (data?: unknown): Rejection => ({
    rejection: type,
    data: data ?? null,
    detail: typeof reason === "string" ? reason : (reason as (data: unknown) => string)(data),
  });

function toDecision(where: string, result: unknown, events: Schemas): Decision {
  if (typeof result !== "object" || result === null)
    return refuse(`${where} gave ${String(result)} where an event, a list of events or a rejection is expected.`);
  if (typeof (result as { then?: unknown }).then === "function")
    return refuse(`${where} gave a promise; a decision is made at once, from state and command alone.`);
  if (isRejection(result)) return { rejected: result };
  const made = (Array.isArray(result) ? result : [result]) as readonly NewEvent[];
  for (const { type } of made) if (!Object.hasOwn(events, type)) refuse(`${where} gave ${type}, which is no event of this log.`);
  return { events: made };
}

const ownMember = <T>(map: Readonly<Record<string, T>>, name: string): T | undefined => (Object.hasOwn(map, name) ? map[name] : undefined);

const mapValues = <V, T>(map: Readonly<Record<string, V>>, make: (name: string, value: V) => T): Record<string, T> =>
  Object.fromEntries(Object.entries(map).map(([name, value]) => [name, make(name, value)]));
