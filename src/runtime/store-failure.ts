/** What a failed call of the write store means for the commands in it. */
import { isTidemarkError, TidemarkError } from "../errors.ts";

export interface StoreFailure {
  /** data: some command's data is the cause; again: rolled back, worth another try; outage: nothing can be done, or nobody knows what was. */
  readonly kind: "data" | "again" | "outage";
  /** For the callers. */
  readonly error: unknown;
}

/** SQLSTATE classes: data exception, integrity constraint violation, program limit exceeded. */
const dataStates = /^(?:22|23|54)[0-9A-Z]{3}$/;
/** Serialization failure, deadlock, lock timeout. */
const againStates = /^(?:40001|40P01|55P03)$/;

export function storeFailure(error: unknown): StoreFailure {
  if (isTidemarkError(error)) return { kind: "outage", error };
  const state = typeof error === "object" && error !== null && "code" in error && typeof error.code === "string" ? error.code : "";
  if (dataStates.test(state)) {
    const issues = [{ pointer: "", detail: `the write store refuses it (SQLSTATE ${state})` }];
    return { kind: "data", error: new TidemarkError("INVALID_INPUT", { what: "The command", issues }, { cause: error }) };
  }
  const what = state === "" ? "The write store" : `The write store (${state})`;
  return { kind: againStates.test(state) ? "again" : "outage", error: new TidemarkError("UNAVAILABLE", { what }, { cause: error }) };
}
