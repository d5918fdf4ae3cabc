/** What a body may be: JSON in UTF-8, not compressed. */
import { TidemarkError } from "../errors.ts";

const accepted = /^\s*application\/json\s*(?:;\s*charset\s*=\s*"?utf-8"?\s*)?;?\s*$/i;

/** @throws UNSUPPORTED_MEDIA_TYPE */
export function requireJson(contentType: string | undefined, contentEncoding: string | undefined): void {
  if (contentType === "application/json" && contentEncoding === undefined) return;
  if (contentType === undefined || !accepted.test(contentType))
    throw new TidemarkError("UNSUPPORTED_MEDIA_TYPE", {
      found: contentType === undefined || contentType === "" ? "a body without Content-Type" : contentType,
    });
  if (contentEncoding !== undefined && contentEncoding.trim().toLowerCase() !== "identity") {
    throw new TidemarkError("UNSUPPORTED_MEDIA_TYPE", { found: `a body in ${contentEncoding}` });
  }
}
