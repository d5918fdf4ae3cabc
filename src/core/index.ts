/** The pure part: definitions, messages, tokens. Imports nothing but the error table. */

// definitions
export { aggregate } from "./aggregate.ts";
export { fillReferences, reference, stripCopies } from "./reference.ts";
export { view } from "./view.ts";

// what adapters and tools need of them
export { canonicalJson, hashOf } from "./hash.ts";
export { isRejection } from "./message.ts";
export { murmur2, partitionOf } from "./partition.ts";
export { jsonSchemaOf, validate, validateInput, type Validated } from "./schema.ts";
export { takeNext, type Last } from "./sequence.ts";
export { textIssues } from "./text.ts";
export { formatToken, maxTokenParts, mergeParts, parseToken, type Token, type TokenPart } from "./token.ts";

// erased shapes
export type { AnyAggregate, AnyCommand, AnyCommandType, AnyReference, AnyView, Decision, Document, Schema } from "./definition.ts";
export type { LogEvent, Metadata, NewEvent, Rejection } from "./message.ts";

// inferred types
export type { Aggregate, EventsOf } from "./aggregate-types.ts";
export type {
  AcceptedOutcome,
  ConditionOf,
  Execute,
  Facade,
  FindOf,
  OutcomeOf,
  ReadDocument,
  ReadPage,
  ReadView,
  ReadViewOptions,
  RejectedOutcome,
  ViewReader,
} from "./facade-types.ts";
export type { Command, CommandType, In, LoggedEvent, Out, RejectionsOf } from "./message-types.ts";
export type { Reference } from "./reference.ts";
export type { DocumentOf, IndexedOf, LogsOf, View } from "./view-types.ts";
