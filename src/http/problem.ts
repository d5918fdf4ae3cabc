/** From faults and rejections to RFC 9457 problems. The only place that knows the HTTP status of an error code. */
import { type ErrorCode, type InputIssue, isTidemarkError, type ParameterIssue, TidemarkError } from "../errors.ts";
import { freshness } from "./consistency.ts";
import { json, type Reply } from "./reply.ts";

/** The codes that clients see beside the rejections; each has one status. */
const statusOf = {
  INVALID_JSON: 400,
  INVALID_HEADER: 400,
  INVALID_TOKEN: 400,
  INVALID_CURSOR: 400,
  FORBIDDEN: 403,
  NOT_FOUND: 404,
  METHOD_NOT_ALLOWED: 405,
  COMMAND_IN_PROGRESS: 409,
  VERSION_MISMATCH: 412,
  PAYLOAD_TOO_LARGE: 413,
  UNSUPPORTED_MEDIA_TYPE: 415,
  INVALID_INPUT: 422,
  IDEMPOTENCY_KEY_REUSED: 422,
  CONTENTION: 503,
  UNAVAILABLE: 503,
  READ_MODEL_BEHIND: 503,
  READ_MODEL_PARKED: 503,
  OVERLOADED: 503,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type PublicCode = keyof typeof statusOf;

/** What a client is told of each fault. Faults of the service itself are UNAVAILABLE outside: their text is for the log. */
const publicCodeOf: Record<ErrorCode, PublicCode> = {
  INVALID_DEFINITION: "UNAVAILABLE",
  INVALID_SETTING: "UNAVAILABLE",
  MISSING_PACKAGE: "UNAVAILABLE",
  DATA_FOLDER_IN_USE: "UNAVAILABLE",
  SCHEMA_OUTDATED: "UNAVAILABLE",
  SCHEMA_NEWER: "UNAVAILABLE",
  PARTITIONS_CHANGED: "UNAVAILABLE",
  INVALID_INPUT: "INVALID_INPUT",
  INVALID_TOKEN: "INVALID_TOKEN",
  INVALID_CURSOR: "INVALID_CURSOR",
  EVENT_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  INVALID_JSON: "INVALID_JSON",
  INVALID_HEADER: "INVALID_HEADER",
  INVALID_PARAMETER: "INVALID_INPUT",
  METHOD_NOT_ALLOWED: "METHOD_NOT_ALLOWED",
  FORBIDDEN: "FORBIDDEN",
  PAYLOAD_TOO_LARGE: "PAYLOAD_TOO_LARGE",
  UNSUPPORTED_MEDIA_TYPE: "UNSUPPORTED_MEDIA_TYPE",
  VERSION_MISMATCH: "VERSION_MISMATCH",
  IDEMPOTENCY_KEY_REUSED: "IDEMPOTENCY_KEY_REUSED",
  COMMAND_IN_PROGRESS: "COMMAND_IN_PROGRESS",
  CONTENTION: "CONTENTION",
  UNKNOWN_EVENT: "UNAVAILABLE",
  INVALID_EVENT: "UNAVAILABLE",
  LOG_DIVERGED: "UNAVAILABLE",
  LOG_GAP: "UNAVAILABLE",
  READ_MODEL_BEHIND: "READ_MODEL_BEHIND",
  READ_MODEL_PARKED: "READ_MODEL_PARKED",
  HANDLER_FAILED: "UNAVAILABLE",
  VIEW_STORE_DIVERGED: "UNAVAILABLE",
  GENERATION_MOVED: "UNAVAILABLE",
  REBUILD_REFUSED: "UNAVAILABLE",
  NOT_FOUND: "NOT_FOUND",
  OVERLOADED: "OVERLOADED",
  UNAVAILABLE: "UNAVAILABLE",
  CLOSED: "UNAVAILABLE",
};

export const statusOfCode = (code: PublicCode): number => statusOf[code];

/** Where problem types are described; a path of the service itself. */
const problemBase = "/problems/";
export const problemType = "application/problem+json; charset=utf-8";

/** "ORDER_NOT_FOUND" and "OrderNotFound" alike become "order-not-found". */
const kebab = (code: string): string =>
  code
    .replace(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

export const problemUri = (code: string): string => problemBase + kebab(code);

export const problemTitle = (code: string): string => {
  const words = kebab(code).replaceAll("-", " ");
  return words.charAt(0).toUpperCase() + words.slice(1);
};

export interface ProblemParts {
  readonly status: number;
  readonly code: string;
  readonly detail: string;
  readonly errors?: readonly (InputIssue | ParameterIssue)[];
}

export function problem({ status, code, detail, errors }: ProblemParts, headers: Readonly<Record<string, string>> = {}): Reply {
  return {
    status,
    headers: { "content-type": problemType, ...headers },
    body: json({ type: problemUri(code), title: problemTitle(code), status, detail, code, ...(errors === undefined ? {} : { errors }) }),
  };
}

/** True for what the service itself did wrong: an operator must see it, the client learns no more than UNAVAILABLE. */
export const isInternal = (error: unknown): boolean =>
  !isTidemarkError(error) || (publicCodeOf[error.code] === "UNAVAILABLE" && error.code !== "UNAVAILABLE" && error.code !== "CLOSED");

/** Total: whatever was thrown becomes a problem, and nothing of its stack goes out. */
export function problemOf(error: unknown): Reply {
  if (!isTidemarkError(error) || isInternal(error))
    return problemOf(new TidemarkError("UNAVAILABLE", { what: "A part of the service" }, { cause: error }));
  const code = publicCodeOf[error.code];
  return problem({ status: statusOf[code], code, detail: error.message, ...errorsOf(error) }, headersOf(error, statusOf[code]));
}

/** A body may have a member for each byte or two of it, and each may be wrong. */
const maxIssues = 100;

function errorsOf(error: TidemarkError): { readonly errors?: readonly (InputIssue | ParameterIssue)[] } {
  if (isTidemarkError(error, "INVALID_INPUT")) return { errors: error.details.issues.slice(0, maxIssues) };
  if (isTidemarkError(error, "INVALID_PARAMETER")) return { errors: error.details.issues.slice(0, maxIssues) };
  return {};
}

function headersOf(error: TidemarkError, status: number): Record<string, string> {
  if (isTidemarkError(error, "METHOD_NOT_ALLOWED")) return { allow: error.details.allow.join(", ") };
  if (isTidemarkError(error, "VERSION_MISMATCH")) return { etag: `"${error.details.actual}"` };
  if (isTidemarkError(error, "READ_MODEL_BEHIND")) return { "retry-after": "1", ...freshness({ stale: true, ageMs: error.details.ageMs }) };
  if (isTidemarkError(error, "READ_MODEL_PARKED")) return { "retry-after": "1", "read-model-stale": "true" };
  return status === 503 || isTidemarkError(error, "COMMAND_IN_PROGRESS") ? { "retry-after": "1" } : {};
}
