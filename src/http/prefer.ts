/** The Prefer header (RFC 7240) of a query. What cannot be read is ignored, as the RFC asks. */

export interface Preferences {
  /** Milliseconds, clamped to 0–30,000. */
  readonly waitMs?: number;
  readonly lenient: boolean;
}

const maxWaitSeconds = 30;
const none: Preferences = { lenient: false };
const preference = /(?:^|,)\s*([!#$%&'*+.^`|~\w-]+)\s*(?:=\s*("(?:[^"\\]|\\.)*"|[!#$%&'*+.^`|~\w-]*)\s*)?(?:;[^,"]*)?(?=,|$)/g;

/** By name, in lower case; of one that stands twice the first counts. */
export function preferencesIn(header: string): ReadonlyMap<string, string> {
  const first = new Map<string, string>();
  for (const [, name = "", value = ""] of header.matchAll(preference)) {
    if (!first.has(name.toLowerCase())) first.set(name.toLowerCase(), value.startsWith('"') ? value.slice(1, -1) : value);
  }
  return first;
}

export function parsePrefer(header: string | undefined): Preferences {
  if (header === undefined) return none;
  const first = preferencesIn(header);
  const wait = first.get("wait");
  return {
    ...(wait !== undefined && /^\d+$/.test(wait) ? { waitMs: Math.min(Number(wait), maxWaitSeconds) * 1_000 } : {}),
    lenient: first.get("handling")?.toLowerCase() === "lenient",
  };
}

/** The value of Preference-Applied; undefined where nothing was asked for. */
export function preferenceApplied({ waitMs, lenient }: Preferences): string | undefined {
  const applied = [...(waitMs === undefined ? [] : [`wait=${waitMs / 1_000}`]), ...(lenient ? ["handling=lenient"] : [])];
  return applied.length === 0 ? undefined : applied.join(", ");
}
