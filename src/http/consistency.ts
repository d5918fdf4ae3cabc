/** What a query asks of its view's freshness, and how its answer says it. */
import { mergeParts, maxTokenParts, parseToken, type TokenPart } from "../core/token.ts";
import { TidemarkError } from "../errors.ts";
import type { Read, ReadOptions } from "../runtime/app.ts";
import { parsePrefer, preferenceApplied } from "./prefer.ts";

export interface Asked {
  readonly options: ReadOptions;
  readonly applied: string | undefined;
}

type Headers = Readonly<Record<string, string | string[] | undefined>>;

const one = (value: string | string[] | undefined): string | undefined => (Array.isArray(value) ? value.join(", ") : value);

const nothingAsked: Asked = { options: {}, applied: undefined };

/** @throws INVALID_TOKEN */
export function askedFor(headers: Headers): Asked {
  if (headers["prefer"] === undefined && headers["consistency-token"] === undefined) return nothingAsked;
  const preferences = parsePrefer(one(headers["prefer"]));
  const tokens = one(headers["consistency-token"]);
  return {
    options: {
      ...(tokens === undefined ? {} : { token: parseTokens(tokens) }),
      ...(preferences.waitMs === undefined ? {} : { waitMs: preferences.waitMs }),
      ...(preferences.lenient ? { allowStale: true } : {}),
    },
    applied: preferenceApplied(preferences),
  };
}

/** Several tokens, comma-separated, are one: the furthest of each. @throws INVALID_TOKEN */
export function parseTokens(header: string): readonly TokenPart[] {
  const texts = header
    .split(",")
    .map((text) => text.trim())
    .filter((text) => text !== "");
  if (texts.length === 0) throw new TidemarkError("INVALID_TOKEN", { problem: "it is empty" });
  const parts = mergeParts(texts.flatMap(parseToken));
  if (parts.length > maxTokenParts) throw new TidemarkError("INVALID_TOKEN", { problem: `it has more than ${maxTokenParts} parts` });
  return parts;
}

export const freshness = ({ stale, ageMs }: Pick<Read<unknown>, "stale" | "ageMs">): Record<string, string> => ({
  "read-model-stale": String(stale),
  "read-model-age": ageText(ageMs),
});

/** Seconds, up to three decimals. */
const ageText = (ageMs: number): string => String(Math.round(Math.min(Math.max(ageMs, 0), Number.MAX_SAFE_INTEGER)) / 1_000);

/** Headers of every answer that comes from a view. */
export const viewHeaders = (read: Pick<Read<unknown>, "stale" | "ageMs">, asked: Asked): Record<string, string> => ({
  ...freshness(read),
  "cache-control": "private, no-cache",
  "vary": "consistency-token, prefer",
  ...(asked.applied === undefined ? {} : { "preference-applied": asked.applied }),
});
