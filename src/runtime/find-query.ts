/** What is asked of a view store beside keys: conditions, order and pages. */
import type { Condition } from "../core/condition.ts";
import type { StoredDocument } from "./ports.ts";

export type { Condition };

export interface FindQuery {
  readonly where: Readonly<Record<string, Condition>>;
  /** At most two fields; the document's key is always the last tie-break, in the direction of the last field given (ascending without one), by code point. */
  readonly order: readonly { readonly field: string; readonly direction: "asc" | "desc" }[];
  readonly limit: number;
  /** Values of the order fields and the key of the last document of the page before. */
  readonly after?: readonly (string | number | boolean | null)[];
}

export interface FoundPage {
  readonly items: readonly StoredDocument[];
  /** `after` of the next page; null at the end. */
  readonly next: readonly (string | number | boolean | null)[] | null;
}
