/**
 * The erased shapes of definitions: what the runtime and the adapters know of an aggregate or a view.
 * The typed makers (`aggregate`, `view`, `reference`) return values that satisfy these and carry the inferred types beside them.
 */
import type { StandardJSONSchemaV1, StandardSchemaV1 } from "@standard-schema/spec";
import type { LogEvent, NewEvent, Rejection } from "./message.ts";
import type { SnapshotRules } from "./reducer.ts";
import type { RollupRules } from "./rollup-rules.ts";

/** A Standard Schema that also gives its JSON Schema (zod 4.2+, arktype; valibot by its adapter). */
export type Schema<In = unknown, Out = unknown> = {
  readonly "~standard": StandardSchemaV1.Props<In, Out> & StandardJSONSchemaV1.Props<In, Out>;
};

/** A command as `orders.commands.PayOrder(id, data)` makes it; `data` is the schema's input form, checked by `execute`. */
export interface AnyCommand {
  readonly aggregate: AnyAggregate;
  readonly type: string;
  readonly stream: string;
  readonly data: unknown;
}

/** What stands in `orders.commands`: a function that makes the command and knows what it makes. */
export interface AnyCommandType {
  (stream: string, data: never): AnyCommand;
  readonly aggregate: AnyAggregate;
  readonly type: string;
  readonly schema: Schema;
}

export type Decision = { readonly events: readonly NewEvent[] } | { readonly rejected: Rejection };

export interface AnyAggregate {
  readonly kind: "aggregate";
  /** Also the name of its log. */
  readonly name: string;
  /** The body member that holds the stream's key, such as "orderId". */
  readonly id: string;
  /** What a stream's key must be; every string where there is none. Checked before anything is loaded. */
  readonly streamSchema?: Schema | undefined;
  readonly commandSchemas: Readonly<Record<string, Schema>>;
  readonly eventSchemas: Readonly<Record<string, Schema>>;
  /** Rejections by name, as given: a text, or a function of the rejection's data. */
  readonly reasons: Readonly<Record<string, string | ((data: never) => string)>>;
  readonly initial: unknown;
  /** Absent: none are stored or read. */
  readonly snapshots?: SnapshotRules | undefined;
  /** `data` is the schema's output form. Pure; throws only for faults (INVALID_EVENT included). */
  decide(state: unknown, command: { readonly type: string; readonly stream: string; readonly data: unknown }): Decision;
  /** `event.data` is as decoded from JSON. Throws where the event type is not known. */
  evolve(state: unknown, event: NewEvent): unknown;
  knows(type: string, schemaVersion: number): boolean;
  readonly commands: Readonly<Record<string, AnyCommandType>>;
}

export type Document = Readonly<Record<string, unknown>>;

/** The copied fields: a pure function of the referenced document (null: there is none, or not yet) and of its key. `fillReferences` does all of it. */
export interface AnyReference {
  readonly kind: "reference";
  readonly view: AnyView;
  /** `key` is what the referring field holds; "" where that is null. */
  fields(document: Document | null, key: string): Document;
  /** The names of the copied fields: `Object.keys(fields(null, ""))`. */
  readonly copies: readonly string[];
}

export interface AnyView {
  /** "rollup": documents are groups of another view's documents, by the rules in `rollup`; folded are the documents that it measures (`rowsOf`). */
  readonly kind: "view" | "rollup";
  readonly name: string;
  /** The declared version: the fence between releases. 1 unless given. */
  readonly version: number;
  /** Hash of everything in the definition that can be hashed; a change under the same version is warned about. */
  readonly hash: string;
  readonly document: Schema;
  readonly from: readonly AnyAggregate[];
  /** Each a list of document fields. */
  readonly indexes: readonly (readonly string[])[];
  /** By the document field that holds the key of the referenced view. */
  readonly references: Readonly<Record<string, AnyReference>>;
  /** Logs consumed: those of `from` and, through references, those of the referenced views; each once. */
  readonly logs: readonly string[];
  /** "stream": a key is one stream of one log, born by an event named in `create`. "key": a key is fed from several streams, partitions or logs. */
  readonly keyed: "stream" | "key";
  handles(event: { readonly log: string; readonly type: string }): boolean;
  /** The keys that an event concerns; none for an event that is not handled. */
  keys(event: LogEvent): readonly string[];
  /**
   * The next document of `key` (null: none), without copied fields in and out.
   * Keyed by stream: null stays null until an event named in `create` comes.
   */
  fold(current: Document | null, event: LogEvent, key: string): Document | null;
  /** `text`: fields whose words are searched (text, null, or a list of texts). `facets`: fields whose values are counted over all hits. */
  readonly search?: { readonly text: readonly string[]; readonly facets: readonly string[] };
  readonly rollup?: RollupRules;
}
