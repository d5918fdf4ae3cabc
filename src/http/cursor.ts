/** Where a page ended, as a text that clients hand back. Bound to its route, filters and order by a checksum. */
import { createHash } from "node:crypto";
import { TidemarkError } from "../errors.ts";

export type CursorValues = readonly (string | number | boolean | null)[];

const checksum = (binding: string, values: string): string =>
  createHash("sha256").update(binding).update("\n").update(values).digest("base64url").slice(0, 16);

/** @param binding names everything that decides which documents come in which order */
export function formatCursor(binding: string, values: CursorValues): string {
  const text = JSON.stringify(values);
  return Buffer.from(checksum(binding, text) + text, "utf8").toString("base64url");
}

/**
 * The checksum tells a cursor of other filters from one of these; it is no secret, so the values are checked all the same.
 * @throws INVALID_CURSOR
 */
export function parseCursor(binding: string, cursor: string, fits: (values: readonly unknown[]) => boolean): CursorValues {
  const invalid = (problem: string) => new TidemarkError("INVALID_CURSOR", { problem });
  if (!/^[A-Za-z0-9_-]{1,8192}$/.test(cursor)) throw invalid("it was not made by this service");
  const text = Buffer.from(cursor, "base64url").toString("utf8");
  const values = text.slice(16);
  if (checksum(binding, values) !== text.slice(0, 16)) throw invalid("it was not made for this query");
  let parsed: unknown;
  try {
    parsed = JSON.parse(values);
  } catch (cause) {
    throw new TidemarkError("INVALID_CURSOR", { problem: "it is damaged" }, { cause });
  }
  if (!Array.isArray(parsed) || !fits(parsed)) throw invalid("it is damaged");
  return parsed as CursorValues;
}
