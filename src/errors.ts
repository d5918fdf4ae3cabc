/**
 * The one table of faults. A refusal by the business is not a fault: it is a typed rejection (core/message.ts).
 * `docs/errors.md` is held equal to this table by test; HTTP statuses live in http/problem.ts alone.
 */

interface ErrorDefinition {
  /** Names the thing, what was expected, what was found, and the way out. */
  readonly message: (details: never) => string;
  /** True where the same call may succeed later without any change. */
  readonly retryable: boolean;
}

const define = <D>(message: (details: D) => string, options: { retryable?: boolean } = {}) =>
  ({ message, retryable: options.retryable ?? false }) as const;

export const errorTable = {
  // definitions and settings
  INVALID_DEFINITION: define((d: { what: string }) => d.what),
  INVALID_SETTING: define((d: { setting: string; problem: string }) => `${d.setting}: ${d.problem}`),
  MISSING_PACKAGE: define(
    (d: { name: string; purpose: string }) =>
      `The npm package '${d.name}' is needed ${d.purpose}; install it beside tidemark: npm install ${d.name}`,
  ),
  DATA_FOLDER_IN_USE: define(
    (d: { folder: string; owner: string }) =>
      `The data folder ${d.folder} is in use by ${d.owner}. Stop that process, or set TIDEMARK_DATA to another folder.`,
  ),
  SCHEMA_OUTDATED: define(
    (d: { database: string; found: number; expected: number }) =>
      `The ${d.database} database is at schema version ${d.found}, this release needs ${d.expected}. Run 'tidemark migrate' as a user with DDL rights.`,
  ),
  SCHEMA_NEWER: define(
    (d: { database: string; found: number; expected: number }) =>
      `The ${d.database} database is at schema version ${d.found}, this release knows ${d.expected} at most. Start a newer release.`,
  ),
  PARTITIONS_CHANGED: define(
    (d: { log: string; stored: number; asked: number }) =>
      `Log '${d.log}' has ${d.stored} partitions and the number never changes, but ${d.asked} were asked for. Set TIDEMARK_PARTITIONS=${d.stored}.`,
  ),

  // input
  INVALID_INPUT: define(
    (d: { what: string; issues: readonly InputIssue[] }) =>
      `${d.what} is not valid: ${d.issues.map((i) => `${i.pointer || "/"} ${i.detail}`).join("; ")}`,
  ),
  INVALID_TOKEN: define((d: { problem: string }) => `The consistency token is not valid: ${d.problem}`),
  INVALID_CURSOR: define((d: { problem: string }) => `The cursor is not valid: ${d.problem}`),
  EVENT_TOO_LARGE: define(
    (d: { log: string; type: string; bytes: number; limit: number }) =>
      `Event ${d.type} of log '${d.log}' takes ${d.bytes} bytes, more than the log's limit of ${d.limit}.`,
  ),

  // the HTTP edge
  INVALID_JSON: define((d: { problem: string }) => `The body is not valid JSON: ${d.problem}`),
  INVALID_HEADER: define((d: { header: string; problem: string }) => `The header ${d.header} is not valid: ${d.problem}`),
  INVALID_PARAMETER: define(
    (d: { issues: readonly ParameterIssue[] }) =>
      `The request is not valid: ${d.issues.map((i) => `${i.parameter} ${i.detail}`).join("; ")}`,
  ),
  METHOD_NOT_ALLOWED: define(
    (d: { method: string; allow: readonly string[] }) => `${d.method} is not allowed here; allowed: ${d.allow.join(", ")}.`,
  ),
  FORBIDDEN: define((d: { what: string }) => d.what),
  PAYLOAD_TOO_LARGE: define((d: { limitBytes: number }) => `The body is larger than ${d.limitBytes} bytes.`),
  UNSUPPORTED_MEDIA_TYPE: define((d: { found: string }) => `The body must be application/json in UTF-8, not ${d.found}.`),

  // write side
  VERSION_MISMATCH: define(
    (d: { stream: string; expected: string; actual: number }) => `Stream '${d.stream}' is at version ${d.actual}, expected ${d.expected}.`,
  ),
  IDEMPOTENCY_KEY_REUSED: define(
    (d: { commandId: string }) => `The command id or idempotency key was used before with another command (${d.commandId}).`,
  ),
  COMMAND_IN_PROGRESS: define(
    (d: { commandId: string }) => `The same command is still being handled (${d.commandId}); repeat the request to get its answer.`,
    { retryable: true },
  ),
  CONTENTION: define(
    (d: { stream: string; attempts: number }) =>
      `Stream '${d.stream}' was changed by others ${d.attempts} times while the command was decided; repeat it.`,
    { retryable: true },
  ),
  UNKNOWN_EVENT: define(
    (d: { log: string; stream: string; type: string; schemaVersion: number }) =>
      `Stream '${d.stream}' of log '${d.log}' holds the event ${d.type} (schema version ${d.schemaVersion}), which this release does not know. Deploy the release that knows it.`,
  ),
  INVALID_EVENT: define(
    (d: { type: string; issues: readonly InputIssue[] }) =>
      `decide made an event ${d.type} that its schema refuses: ${d.issues.map((i) => `${i.pointer || "/"} ${i.detail}`).join("; ")}`,
  ),

  // relay, transports, logs
  LOG_DIVERGED: define(
    (d: { log: string; problem: string; partition?: number }) =>
      `Log '${d.log}' and its copy are not the same history: ${d.problem}. Nothing was written. See docs/operations.md#log-diverged.`,
  ),
  LOG_GAP: define(
    (d: { log: string; partition: number; expected: number; found: number }) =>
      `Log '${d.log}', partition ${d.partition}: expected position ${d.expected}, found ${d.found}. The reader stops rather than skip an event.`,
  ),

  // read side
  READ_MODEL_BEHIND: define(
    (d: { view: string; waitedMs: number; ageMs: number }) =>
      `The read model '${d.view}' has not reached the consistency token after ${d.waitedMs} ms. The write itself is done; repeat the read.`,
    { retryable: true },
  ),
  READ_MODEL_PARKED: define(
    (d: { view: string; key: string }) => `The read model '${d.view}' has parked an event of '${d.key}' that the token covers.`,
  ),
  HANDLER_FAILED: define(
    (d: { view: string; type: string; log: string; partition: number; position: number; problem: string }) =>
      `View '${d.view}' failed on ${d.type} (log '${d.log}', partition ${d.partition}, position ${d.position}): ${d.problem}. This partition of this view stands still; everything else goes on.`,
  ),
  VIEW_STORE_DIVERGED: define(
    (d: { view: string; generation: number; store: string }) =>
      `The storage of generation ${d.generation} of view '${d.view}' on ${d.store} is not the one that its checkpoints were made with: it was lost, or another one was put in its place. Bring it back, or rebuild the view: 'tidemark rebuild ${d.view}'.`,
  ),
  GENERATION_MOVED: define(
    (d: { view: string; generation: number }) => `Generation ${d.generation} of view '${d.view}' is no longer there.`,
    { retryable: true },
  ),
  REBUILD_REFUSED: define((d: { view: string; problem: string }) => `View '${d.view}' was not rebuilt: ${d.problem}`),

  // anywhere
  NOT_FOUND: define((d: { what: string }) => `${d.what} was not found.`),
  OVERLOADED: define((d: { what: string; limit: number }) => `${d.what} is at its limit of ${d.limit}; try again later.`, {
    retryable: true,
  }),
  UNAVAILABLE: define(
    (d: { what: string }) =>
      `${d.what} is not available now. Repeat the request: a command with the same command id or idempotency key, since its outcome is unknown.`,
    { retryable: true },
  ),
  CLOSED: define((d: { what: string }) => `${d.what} is closed.`),
} as const satisfies Record<string, ErrorDefinition>;

/** One fault of one input field: RFC 6901 pointer ("" is the whole), and what is wrong there. */
export interface InputIssue {
  readonly pointer: string;
  readonly detail: string;
}

/** One fault of one query or path parameter. */
export interface ParameterIssue {
  readonly parameter: string;
  readonly detail: string;
}

export type ErrorCode = keyof typeof errorTable;
export type ErrorDetails<C extends ErrorCode> = Parameters<(typeof errorTable)[C]["message"]>[0];

const brand = Symbol.for("tidemark.error");

/** Every fault that Tidemark raises. `code` is stable, `details` are typed by it, `cause` is kept. */
export class TidemarkError<C extends ErrorCode = ErrorCode> extends Error {
  readonly code: C;
  readonly details: ErrorDetails<C>;
  readonly [brand] = true;

  constructor(code: C, details: ErrorDetails<C>, options?: { cause?: unknown }) {
    super((errorTable[code].message as (d: ErrorDetails<C>) => string)(details), options);
    this.name = "TidemarkError";
    this.code = code;
    this.details = details;
  }

  get retryable(): boolean {
    return errorTable[this.code].retryable;
  }
}

/** Works across copies of the package, where `instanceof` does not. */
export function isTidemarkError<C extends ErrorCode>(error: unknown, code?: C): error is TidemarkError<C> {
  return typeof error === "object" && error !== null && brand in error && (code === undefined || (error as TidemarkError).code === code);
}
