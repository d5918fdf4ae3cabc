/** Bytes to a JSON value, strictly: nothing is repaired, nothing is coerced. */
import { isUtf8 } from "node:buffer";
import secureJson from "secure-json-parse";
import { TidemarkError } from "../errors.ts";
import { duplicateMember } from "./duplicate-member.ts";

export const maxBodyBytes = 1_048_576;
export const maxDepth = 20;

/**
 * @throws INVALID_JSON for what is no JSON text in UTF-8, for a member that stands twice and for members that would reach a prototype
 * @throws INVALID_INPUT for more than 20 levels of objects and arrays
 */
export function parseBody(bytes: Buffer): unknown {
  const invalid = (problem: string, cause?: unknown) => new TidemarkError("INVALID_JSON", { problem }, { cause });
  if (!isUtf8(bytes)) throw invalid("it is not UTF-8.");
  const text = bytes.toString("utf8");
  if (text.trim() === "") throw invalid("it is empty.");
  let value: unknown;
  try {
    value = secureJson.parse(text, { protoAction: "error", constructorAction: "error" });
  } catch (cause) {
    throw invalid(cause instanceof Error ? `${cause.message}.` : "it cannot be read.", cause);
  }
  if (isDeeperThan(value, maxDepth)) {
    throw new TidemarkError("INVALID_INPUT", {
      what: "The body",
      issues: [{ pointer: "", detail: `is nested deeper than ${maxDepth} levels` }],
    });
  }
  const twice = duplicateMember(text);
  if (twice !== undefined) throw invalid(`the member ${JSON.stringify(twice)} stands twice in one object.`);
  return value;
}

function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  if (levels === 0) return true;
  if (Array.isArray(value)) return value.some((item) => isDeeperThan(item, levels - 1));
  for (const name in value) if (isDeeperThan((value as Record<string, unknown>)[name], levels - 1)) return true;
  return false;
}
