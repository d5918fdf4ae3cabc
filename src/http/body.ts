/** Bytes to a JSON value, strictly: nothing is repaired, nothing is coerced. */
import { isUtf8 } from "node:buffer";
import secureJson from "secure-json-parse";
import { TidemarkError } from "../errors.ts";
import { duplicateMember, membersNamed } from "./duplicate-member.ts";

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
    value = mayReachPrototype(text) ? secureJson.parse(text, { protoAction: "error", constructorAction: "error" }) : JSON.parse(text);
  } catch (cause) {
    throw invalid(cause instanceof Error ? `${cause.message}.` : "it cannot be read.", cause);
  }
  const members = countMembers(value, maxDepth);
  if (members === tooDeep) {
    throw new TidemarkError("INVALID_INPUT", {
      what: "The body",
      issues: [{ pointer: "", detail: `is nested deeper than ${maxDepth} levels` }],
    });
  }
  // The parser keeps one of two members of one name, so it has fewer than the text; with escapes in it, V8 may read one name as two.
  const looksPlain = !text.includes("\\") && membersNamed(text) === members;
  const twice = looksPlain ? undefined : duplicateMember(text);
  if (twice !== undefined) throw invalid(`the member ${JSON.stringify(twice)} stands twice in one object.`);
  return value;
}

/** True where a look at the names is needed: an escape may spell any of them. A byte order mark is the careful parser's too. */
const mayReachPrototype = (text: string): boolean =>
  text.includes("__proto__") || text.includes("constructor") || text.includes("\\u") || text.charCodeAt(0) === 0xfeff;

const tooDeep = -1;

/** Members of all objects, or `tooDeep`. */
function countMembers(value: unknown, levels: number): number {
  if (typeof value !== "object" || value === null) return 0;
  if (levels === 0) return tooDeep;
  let count = 0;
  if (Array.isArray(value)) {
    for (const item of value) {
      const below = countMembers(item, levels - 1);
      if (below === tooDeep) return tooDeep;
      count += below;
    }
    return count;
  }
  for (const name in value) {
    const below = countMembers((value as Record<string, unknown>)[name], levels - 1);
    if (below === tooDeep) return tooDeep;
    count += 1 + below;
  }
  return count;
}
