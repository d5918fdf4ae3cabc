/** The consistency token (I5): for each log written, how far. Opaque to clients, merged by maximum. */
import { TidemarkError } from "../errors.ts";

export interface TokenPart {
  readonly log: string;
  readonly logId: string;
  readonly partition: number;
  readonly position: number;
}

declare const tokenBrand: unique symbol;
/** Only Tidemark makes one; at the HTTP edge `parseToken` checks a string. */
export type Token = string & { readonly [tokenBrand]: true };

export const maxTokenParts = 64;
const prefix = "1.";
const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/;

const key = (part: TokenPart) => `${part.logId}/${part.partition}`;

/** One part for each (log, partition): the highest position. */
export function mergeParts(parts: readonly TokenPart[]): TokenPart[] {
  if (parts.length < 2) return [...parts];
  const merged = new Map<string, TokenPart>();
  for (const part of parts) {
    const known = merged.get(key(part));
    if (known === undefined || known.position < part.position) merged.set(key(part), part);
  }
  return [...merged.values()];
}

export function formatToken(parts: readonly TokenPart[]): Token {
  const rows = mergeParts(parts).map((p) => [p.log, p.logId, p.partition, p.position]);
  return (prefix + toBase64Url(JSON.stringify(rows))) as Token;
}

/** @throws INVALID_TOKEN */
export function parseToken(text: string): TokenPart[] {
  const invalid = (problem: string) => new TidemarkError("INVALID_TOKEN", { problem });
  if (text.length > 16_384) throw invalid("it is too long");
  if (!text.startsWith(prefix)) throw invalid("it was not made by this service");
  const body = text.slice(prefix.length);
  if (!/^[A-Za-z0-9_-]+$/.test(body)) throw invalid("it is not base64url");
  let rows: unknown;
  try {
    rows = JSON.parse(fromBase64Url(body));
  } catch (cause) {
    throw new TidemarkError("INVALID_TOKEN", { problem: "it is damaged" }, { cause });
  }
  if (!Array.isArray(rows) || rows.length === 0) throw invalid("it is damaged");
  if (rows.length > maxTokenParts) throw invalid(`it has more than ${maxTokenParts} parts`);
  return mergeParts(
    rows.map((row: unknown) => {
      if (!Array.isArray(row) || row.length !== 4) throw invalid("it is damaged");
      const [log, logId, partition, position] = row as unknown[];
      if (typeof log !== "string" || log === "" || typeof logId !== "string" || !uuid.test(logId)) throw invalid("it names no log");
      if (!isCount(partition)) throw invalid("it names no partition");
      if (!isCount(position)) throw invalid("it names no position");
      return { log, logId, partition, position };
    }),
  );
}

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= 0;

const toBase64Url = (text: string) => Buffer.from(text, "utf8").toString("base64url");

const utf8 = new TextDecoder("utf-8", { fatal: true });

function fromBase64Url(text: string): string {
  const binary = atob(text.replaceAll("-", "+").replaceAll("_", "/"));
  const bytes = new Uint8Array(binary.length);
  for (let at = 0; at < binary.length; at++) bytes[at] = binary.charCodeAt(at);
  return utf8.decode(bytes);
}
