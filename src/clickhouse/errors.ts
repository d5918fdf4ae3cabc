/** What ClickHouse's errors mean for the runtime. The class of its errors is another one on the embedded engine, so they are told by what they hold. */
import { isTidemarkError, TidemarkError } from "../errors.ts";

/** UNKNOWN_TABLE, UNKNOWN_DATABASE */
const missing = new Set(["60", "81"]);

export const isMissing = (error: unknown): boolean =>
  error instanceof Error && "code" in error && "type" in error && missing.has(String(error.code));

/** Whatever the client throws may pass: rows are refused before they are sent. */
export const unavailable = (what: string, error: unknown): Error => {
  if (isTidemarkError(error)) return error;
  const cause = error instanceof Error ? error : new Error(String(error));
  return new TidemarkError("UNAVAILABLE", { what: `${what} (${firstLine(cause.message) || cause.name})` }, { cause });
};

/** The server repeats the query in its messages, and with it documents. */
const firstLine = (message: string): string => message.split("\n", 1)[0]!.slice(0, 300);
