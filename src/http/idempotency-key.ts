/** The Idempotency-Key header and the ids that follow from it (I6). */
import { hash } from "node:crypto";
import { TidemarkError } from "../errors.ts";
import { newId } from "../runtime/new-id.ts";

const visible = /^[\x21-\x7e]{1,255}$/;
const quoted = /^"((?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*)"$/;

/**
 * Bare or as a structured-field string: `abc` and `"abc"` are one key.
 * @param lines the header's lines as they came
 * @throws INVALID_HEADER for anything but one line of 1 to 255 visible ASCII characters
 */
export function parseIdempotencyKey(lines: readonly string[]): string | undefined {
  const [line, ...more] = lines;
  if (line === undefined) return undefined;
  const invalid = (problem: string) => new TidemarkError("INVALID_HEADER", { header: "Idempotency-Key", problem });
  if (more.length > 0) throw invalid("it may stand once only");
  const text = line.trim();
  let key = text;
  if (text.startsWith('"')) {
    const inner = quoted.exec(text)?.[1];
    if (inner === undefined) throw invalid("its quotes do not match");
    key = inner.replace(/\\(["\\])/g, "$1");
  }
  if (!visible.test(key)) throw invalid("it must be 1 to 255 visible ASCII characters");
  return key;
}

export interface KeyScope {
  readonly principal: string;
  readonly method: string;
  /** With its parameters filled in, decoded. */
  readonly path: readonly string[];
}

/** The same for the same key in the same scope, in any process; a new uuidv7 without a key. */
export function commandIdOf(scope: KeyScope, key: string | undefined): string {
  if (key === undefined) return newId();
  return hash("sha256", JSON.stringify([scope.principal, scope.method, scope.path, key]), "base64url");
}

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/**
 * The key of a stream that the server makes: a function of the command id, so a repeat meets its own stream.
 * Without an Idempotency-Key it is the command's uuidv7 itself (ordered), else a uuid (version 8) cut from a hash.
 */
export function streamOf(commandId: string): string {
  if (uuid.test(commandId)) return commandId;
  const hex = hash("sha256", `stream ${commandId}`, "hex");
  const variant = "89ab"[Number.parseInt(hex[16]!, 16) & 3];
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-8${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}
