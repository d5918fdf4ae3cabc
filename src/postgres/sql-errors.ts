/** Which errors come from a statement, and which from the connection to the database. */
import { TidemarkError } from "../errors.ts";

const stateForm = /^[0-9A-Z]{5}$/;

/** The SQLSTATE of an error that the database gave for a statement; undefined for anything else. */
export function sqlState(error: unknown): string | undefined {
  if (typeof error !== "object" || error === null || !("code" in error) || !("severity" in error)) return undefined;
  return typeof error.code === "string" && stateForm.test(error.code) ? error.code : undefined;
}

const severityOf = (error: object): unknown => ("severity" in error ? error.severity : undefined);

/** True where the connection is gone or never was: what was under way may have been done or not. */
export function isConnectionError(error: unknown): boolean {
  if (!(error instanceof Error) || error instanceof TidemarkError || error instanceof TypeError || error instanceof RangeError)
    return false;
  if (sqlState(error) === undefined) return true;
  return severityOf(error) === "FATAL" || severityOf(error) === "PANIC";
}

/** The server has no room, no memory or no connection left (class 53), or its disk fails (58): no fault of the statement, which did nothing. */
const isExhausted = (error: unknown): boolean => /^5[38]/.test(sqlState(error) ?? "");

/** Errors of statements stay as they are; all others become UNAVAILABLE, which names the database and never a user or a password. */
export function databaseError(error: unknown, label: string): unknown {
  return isConnectionError(error) || isExhausted(error) ? unavailable(error, label) : error;
}

export function unavailable(cause: unknown, label: string): TidemarkError<"UNAVAILABLE"> {
  const code = typeof cause === "object" && cause !== null && "code" in cause && typeof cause.code === "string" ? ` (${cause.code})` : "";
  return new TidemarkError("UNAVAILABLE", { what: label + code }, { cause });
}

/** A table or schema that is not there: before the first migration, to a process that creates nothing. */
export const isMissing = (error: unknown): boolean => ["42P01", "3F000"].includes(sqlState(error) ?? "");
