/** The typed face of a running Tidemark: `execute` knows a command's rejections, `read` a view's document and its indexed fields. */
import type { AnyCommand, AnyView } from "./definition.ts";
import type { RejectionsOf } from "./message-types.ts";
import type { Token, TokenPart } from "./token.ts";
import type { DocumentOf, FacetsOf, IndexedOf, Searchable } from "./view-types.ts";

export interface AcceptedOutcome {
  readonly accepted: true;
  readonly commandId: string;
  readonly stream: string;
  readonly version: number;
  readonly token: Token;
  readonly replayed: boolean;
}

/** One member for each rejection of the command, told apart by `rejection`. */
export type RejectedOutcome<C> =
  RejectionsOf<C> extends infer R
    ? R extends { readonly rejection: infer Name; readonly data: infer Data }
      ? {
          readonly accepted: false;
          readonly commandId: string;
          readonly rejection: Name;
          readonly data: Data;
          readonly detail: string;
          readonly replayed: boolean;
        }
      : never
    : never;

export type OutcomeOf<C> = AcceptedOutcome | RejectedOutcome<C>;

/** Resolves when the events are durable. A refusal by the business is a value; faults are thrown as TidemarkError. */
export type Execute<Options> = <C extends AnyCommand>(command: C, options?: Options) => Promise<OutcomeOf<C>>;

export interface ReadViewOptions {
  /** Read at least what this token names. */
  readonly token?: Token | readonly TokenPart[];
  /** How long to wait for the token; 5,000 unless given, 30,000 at most. */
  readonly waitMs?: number;
  /** Too late for the token: answer what there is, marked stale, in place of READ_MODEL_BEHIND. */
  readonly allowStale?: boolean;
}

/** A value, or what it is compared with. */
export type ConditionOf<T> =
  | T
  | {
      readonly in?: readonly T[];
      readonly not?: T;
      readonly gt?: Extract<T, string | number>;
      readonly gte?: Extract<T, string | number>;
      readonly lt?: Extract<T, string | number>;
      readonly lte?: Extract<T, string | number>;
    };

export interface FindOf<V> {
  /** Every condition must hold. Indexed fields only. */
  readonly where?: { readonly [F in IndexedOf<V>]?: ConditionOf<F extends keyof DocumentOf<V> ? DocumentOf<V>[F] : never> };
  /** Two fields at most, in the order written; indexed fields only. The document's key is the last tie-break. */
  readonly order?: { readonly [F in IndexedOf<V>]?: "asc" | "desc" };
  /** 1 to 100; 20 unless given. */
  readonly limit?: number;
  /** `nextCursor` of the page before. */
  readonly cursor?: string;
}

export interface ReadDocument<Doc> {
  readonly document: Doc;
  readonly version: number;
  readonly lastUpdated: string;
  readonly stale: boolean;
  readonly ageMs: number;
}

export interface ReadPage<Doc> {
  readonly items: readonly { readonly document: Doc; readonly version: number; readonly lastUpdated: string }[];
  /** null at the end. */
  readonly nextCursor: string | null;
  readonly stale: boolean;
  readonly ageMs: number;
}

export interface SearchOf<V> extends FindOf<V> {
  /**
   * Every word must be found in the view's searched fields, whole or as the beginning of one, in any order, ignoring case and accents.
   * Without words it does not filter. 100 words at most.
   */
  readonly text: string;
  /** Whether the page says where the found words stand. */
  readonly highlight?: boolean;
}

export interface ReadSearchPage<V> extends ReadPage<DocumentOf<V>> {
  /** All hits, whatever the page. */
  readonly total: number;
  /** How many hits have which value: most frequent first, then by value; 20 at most. */
  readonly facets: {
    readonly [F in FacetsOf<V>]: readonly {
      readonly value: Exclude<F extends keyof DocumentOf<V> ? DocumentOf<V>[F] : never, null | undefined>;
      readonly count: number;
    }[];
  };
  /** By item: fragments of its searched fields with the found words between `<em>` and `</em>`, the rest escaped as HTML. */
  readonly highlights?: readonly Readonly<Record<string, readonly string[]>>[];
}

export interface SearchReader<V> {
  /** @throws as `find` */
  search(query: SearchOf<V>): Promise<ReadSearchPage<V>>;
}

/** `search` is there where the view declares it. */
export type ViewReader<V> = DocumentReader<V> & (V extends Searchable ? SearchReader<V> : unknown);

export interface DocumentReader<V> {
  /** null: there is no such document. @throws READ_MODEL_BEHIND, READ_MODEL_PARKED, UNAVAILABLE */
  get(key: string): Promise<ReadDocument<DocumentOf<V>> | null>;
  /** @throws as `get`, and INVALID_CURSOR */
  find(query?: FindOf<V>): Promise<ReadPage<DocumentOf<V>>>;
}

/** `app.read(view, { token })`: one place for consistency, then `get`, `find` or `search`. */
export type ReadView = <V extends AnyView>(view: V, options?: ReadViewOptions) => ViewReader<V>;

/** What `service(…).start()` gives to the user's own code. */
export interface Facade<ExecuteOptions> {
  readonly execute: Execute<ExecuteOptions>;
  readonly read: ReadView;
}
