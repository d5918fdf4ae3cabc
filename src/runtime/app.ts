/** What a running Tidemark offers to those who call it: HTTP, the user's own code, tests. */
import type { AnyCommand, AnyView } from "../core/definition.ts";
import type { Token, TokenPart } from "../core/token.ts";
import type { FindQuery, FoundPage, StoredDocument } from "./ports.ts";
import type { SearchPage, SearchQuery } from "./search-query.ts";

/** If-Match: one or several versions, or "existing" (`*`). */
export type ExpectedVersion = number | readonly number[] | "existing";

export interface CommandContext {
  readonly correlationId?: string;
  readonly causationId?: string;
  readonly traceparent?: string;
  readonly tracestate?: string;
  readonly actor?: string;
}

export interface ExecuteOptions {
  /** A repeat with the same id gets the same answer (I6). A uuidv7 unless given. */
  readonly commandId?: string;
  readonly expectedVersion?: ExpectedVersion;
  readonly context?: CommandContext;
}

export interface Accepted {
  readonly accepted: true;
  readonly commandId: string;
  readonly stream: string;
  readonly version: number;
  readonly token: Token;
  /** True where the answer of an earlier call with this command id was given back. */
  readonly replayed: boolean;
}

export interface Rejected {
  readonly accepted: false;
  readonly commandId: string;
  readonly rejection: string;
  readonly data: unknown;
  readonly detail: string;
  readonly replayed: boolean;
}

export type Outcome = Accepted | Rejected;

export interface Commands {
  /**
   * Validates, decides, appends; resolves when the events are durable.
   * @throws INVALID_INPUT, VERSION_MISMATCH, IDEMPOTENCY_KEY_REUSED, COMMAND_IN_PROGRESS, CONTENTION, EVENT_TOO_LARGE, UNKNOWN_EVENT, UNAVAILABLE, OVERLOADED
   */
  execute(command: AnyCommand, options?: ExecuteOptions): Promise<Outcome>;
}

export interface ReadOptions {
  readonly token?: Token | readonly TokenPart[];
  /** How long to wait for the token; 5,000 unless given, 30,000 at most. */
  readonly waitMs?: number;
  /** Too late for the token: answer what there is, marked stale, in place of READ_MODEL_BEHIND. */
  readonly allowStale?: boolean;
}

/** `stale`: known to be behind the logs' heads or behind the token asked for. `ageMs`: since the view was last known to be caught up. */
export interface Read<T> {
  readonly value: T;
  readonly stale: boolean;
  readonly ageMs: number;
}

export interface Queries {
  /** @throws INVALID_TOKEN, READ_MODEL_BEHIND, OVERLOADED, UNAVAILABLE */
  get(view: AnyView, key: string, options?: ReadOptions): Promise<Read<StoredDocument | undefined>>;
  /** @throws as `get`, and INVALID_INPUT for a field that is not indexed */
  find(view: AnyView, query: FindQuery, options?: ReadOptions): Promise<Read<FoundPage>>;
  /** @throws as `find`, and INVALID_DEFINITION for a view without `search` */
  search(view: AnyView, query: SearchQuery, options?: ReadOptions): Promise<Read<SearchPage>>;
}

export interface HealthCheck {
  readonly name: string;
  readonly status: "pass" | "warn" | "fail";
  readonly message: string;
}

export interface Health {
  /** `ready` is false while any check fails. A partition that stands still is a failure; one that is behind is none. */
  ready(): Promise<{ readonly ready: boolean; readonly checks: readonly HealthCheck[] }>;
}
