/** The If-Match header of a command: which versions of the stream it is meant for. */
import { TidemarkError } from "../errors.ts";
import type { ExpectedVersion } from "../runtime/app.ts";

const strongVersion = /^"(0|[1-9]\d{0,15})"$/;

/**
 * `"3"`, `"3", "4"` or `*`. A weak tag (what GET gives) never matches strongly, so it is refused rather than answered by 412.
 * @throws INVALID_HEADER for anything else
 */
export function parseIfMatch(header: string | undefined): ExpectedVersion | undefined {
  if (header === undefined) return undefined;
  const text = header.trim();
  if (text === "*") return "existing";
  const versions = text.split(",").map((part) => versionOf(part.trim()));
  return versions.length === 1 ? versions[0]! : versions;
}

function versionOf(tag: string): number {
  const version = Number(strongVersion.exec(tag)?.[1]);
  if (!Number.isSafeInteger(version))
    throw new TidemarkError("INVALID_HEADER", { header: "If-Match", problem: 'expected "<version>", a list of them, or *' });
  return version;
}
