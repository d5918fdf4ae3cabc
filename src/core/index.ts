/** The pure part: definitions, messages, tokens. Imports nothing but the error table. */

// definitions
export { aggregate } from "./aggregate.ts";
export { eventLog } from "./event-log.ts";
export { fillReferences, reference, stripCopies } from "./reference.ts";
export { rollup } from "./rollup.ts";
export { avg, count, countBy, day, hour, max, min, month, sum } from "./rollup-measures.ts";
export { view } from "./view.ts";

// what adapters and tools need of them
export { canonicalJson, hashOf } from "./hash.ts";
export { isRejection } from "./message.ts";
export { murmur2, partitionOf } from "./partition.ts";
export { type Contribution, contributionOf } from "./rollup-contribution.ts";
export { groupsOf } from "./rollup-groups.ts";
export { type DimensionRule, type MeasureRule, type RollupRules, rowsOf } from "./rollup-rules.ts";
export { jsonSchemaOf, validate, validateInput, type Validated } from "./schema.ts";
export { takeNext, type Last } from "./sequence.ts";
export { textIssues } from "./text.ts";
export { formatToken, maxTokenParts, mergeParts, parseToken, type Token, type TokenPart } from "./token.ts";

// erased shapes
export type { AnyAggregate, AnyCommand, AnyCommandType, AnyReference, AnyView, Decision, Document, Schema } from "./definition.ts";
export type { LogEvent, Metadata, NewEvent, Rejection } from "./message.ts";

// inferred types
export type { Aggregate, EventsOf } from "./aggregate-types.ts";
export type { EventLog, EventLogContract } from "./event-log.ts";
export type {
  AcceptedOutcome,
  ConditionOf,
  DocumentReader,
  Execute,
  Facade,
  FindOf,
  OutcomeOf,
  ReadDocument,
  ReadPage,
  ReadSearchPage,
  ReadView,
  ReadViewOptions,
  RejectedOutcome,
  SearchOf,
  SearchReader,
  ViewReader,
} from "./facade-types.ts";
export type { Command, CommandType, In, LoggedEvent, Out, RejectionsOf } from "./message-types.ts";
export type { Condition } from "./condition.ts";
export type { Reference } from "./reference.ts";
export type { Measure, Period } from "./rollup-measures.ts";
export type { Rollup } from "./rollup-types.ts";
export type { DocumentOf, FacetsOf, IndexedOf, LogsOf, Searchable, View } from "./view-types.ts";
