/** What the outbox's functions refuse, as faults of Tidemark. */
import { TidemarkError } from "../errors.ts";

interface Details {
  readonly log: string;
  readonly stream: string;
  readonly expected: number;
  readonly actual: number;
  readonly setting: string;
  readonly problem: string;
}

/**
 * For the error of a `commit` or of a statement: VERSION_MISMATCH (SQLSTATE TM001), INVALID_SETTING for a transaction that cannot be used (TM002), NOT_FOUND for a log
 * that is not there (TM003), with the driver's error as its cause. Anything else is given back as it is. Errors that were wrapped by a library are looked into.
 */
export function outboxError(error: unknown): unknown {
  for (let at = error, depth = 0; typeof at === "object" && at !== null && depth < 5; at = (at as Error).cause, depth++) {
    const { code, detail } = at as { readonly code?: unknown; readonly detail?: unknown };
    if (typeof code !== "string" || !/^TM00[123]$/.test(code) || typeof detail !== "string") continue;
    const details = JSON.parse(detail) as Details;
    const { log, stream, expected, actual, setting, problem } = details;
    if (code === "TM001") return new TidemarkError("VERSION_MISMATCH", { stream, expected: String(expected), actual }, { cause: error });
    if (code === "TM002") return new TidemarkError("INVALID_SETTING", { setting, problem }, { cause: error });
    return new TidemarkError("NOT_FOUND", { what: `The log '${log}' (a service that lists it makes it when it starts)` }, { cause: error });
  }
  return error;
}
