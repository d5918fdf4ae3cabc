/** What MongoDB's errors mean for the runtime. They are told by name: the driver is loaded only where a view is kept there. */
import type { MongoBulkWriteError, WriteError } from "mongodb";
import { TidemarkError } from "../errors.ts";
import type { WriteOutcome } from "../runtime/document-store.ts";

const duplicateKey = 11000;
/** The document is too large, too deep, or not one: no other attempt will have another answer. */
const ofTheDocument = new Set([2, 9, 14, 15, 16, 22, 52, 57, 121, 10334, 17419, 17420]);

export const unavailable =
  (what: string) =>
  (error: unknown): Error => {
    if (!(error instanceof Error)) return new Error(String(error));
    return error.name.startsWith("Mongo")
      ? new TidemarkError("UNAVAILABLE", { what: `${what} (${error.message})` }, { cause: error })
      : error;
  };

const isBulkWriteError = (error: unknown): error is MongoBulkWriteError => error instanceof Error && error.name === "MongoBulkWriteError";

/** The failed operations of an unordered bulk write, by their index. @throws where the outcome of some is unknown */
export function writeErrors(error: unknown, down: (error: unknown) => Error): readonly WriteError[] {
  if (!isBulkWriteError(error)) throw down(error);
  const failed = [error.writeErrors].flat();
  // acknowledged by fewer than asked for: perhaps not there to stay
  if (failed.length === 0 || error.result.getWriteConcernError() !== undefined) throw down(error);
  return failed;
}

/** @throws UNAVAILABLE for what may pass */
export function outcomeOf({ code, errmsg }: WriteError, what: string): WriteOutcome {
  if (code === duplicateKey) return "lost";
  const problem = errmsg ?? String(code);
  if (typeof code === "number" && ofTheDocument.has(code)) return { refused: `MongoDB refused the document: ${problem}` };
  throw new TidemarkError("UNAVAILABLE", { what: `${what} (a write failed: ${problem})` });
}

/** The whole request was refused for what is in it: nothing of it was written. */
export function refusesRequest(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  if (error.name === "MongoInvalidArgumentError" || error.name === "BSONError" || error.name === "MongoAPIError") return true;
  const { code } = error as { readonly code?: unknown };
  return error.name === "MongoServerError" && typeof code === "number" && ofTheDocument.has(code);
}
